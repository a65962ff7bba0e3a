"""Same seed, same bits of graph, map and clusters with one thread and with two, on 12,000 rows with duplicates.

Usage: python scripts/proofs/threads.py
The small version in the suite compares the exact graph alone.
"""

import hashlib
import os
import subprocess
import sys

COUNTS = ("1", "2")


def fingerprint() -> str:
    import numpy as np

    from imatlas import BalancedClusters, NeighborMap, knn_graph

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((12_000, 32)).astype(np.float32)
    rows[:500] = rows[500:1000]
    graph = knn_graph(rows, n_neighbors=15)
    places = NeighborMap().fit_transform(rows, graph=graph)
    labels = BalancedClusters().fit(rows).labels_
    digest = hashlib.blake2b(digest_size=8)
    for array in (graph.indices, graph.distances, places, labels):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def main() -> None:
    if "--child" in sys.argv:
        print(fingerprint())
        return
    found = {}
    for count in COUNTS:
        env = os.environ | {"OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count}
        child = subprocess.run([sys.executable, __file__, "--child"], env=env, capture_output=True, text=True, check=True)
        found[count] = child.stdout.strip()
        print(f"{count} thread(s): {found[count]}", flush=True)
    if len(set(found.values())) != 1:
        sys.exit("The bits differ.")


if __name__ == "__main__":
    main()
