"""What does the manifold room do? Rows become neighbors, distances, a map and clusters.

100 random rows in 10 dimensions, a spectral map to 2, all pairwise manifold distances, and k-means with 3 clusters.
"""

import numpy as np

from imatlas.manifold import ManifoldNeighbors, SpectralClusters, SpectralMap, manifold_distance, manifold_similarity

rows = np.random.default_rng(0).random((100, 10))

neighbors = ManifoldNeighbors(n_neighbors=10).fit(rows)
graph = neighbors.graph_
print("neighbors of row 0:", graph.indices[0])

distances = manifold_distance(rows)
along = manifold_distance(rows, metric="geodesic", graph=graph)
alike = manifold_similarity(rows, metric="correlation")
print(f"rows 0 and 1: {distances[0, 1]:.3f} apart straight, {along[0, 1]:.3f} along the data, correlation {alike[0, 1]:.3f}")

places = SpectralMap(n_components=2).fit_transform(rows, graph=graph)
print("place of row 0 on the map:", places[0].round(3))

clusters = SpectralClusters(n_clusters=3, n_components=2).fit(rows, graph=graph)
print("labels:", clusters.labels_)
