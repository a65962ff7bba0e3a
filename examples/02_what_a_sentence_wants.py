"""Do neighbors along the data know what a sentence wants? 77 intents of bank customers, from TF-IDF rows alone.

k-NN accuracy on the test sentences with 15 neighbors, and clusters of the training sentences without their intents, beside
k-means. Usage: python examples/02_what_a_sentence_wants.py DATA/banking77
"""

import csv
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.cluster import adjusted_mutual_info_score, adjusted_rand_score, contingency_matrix
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import Normalizer

from imatlas import BalancedClusters, DensityClusters, ManifoldNeighbors, SpectralClusters, SpectralMap, knn_graph

k, files = 15, [Path(sys.argv[1]) / f"{part}.csv" for part in ("train", "test")]
parts = [list(csv.DictReader(file.open(encoding="utf-8"))) for file in files]
texts, new_texts = ([row["text"] for row in part] for part in parts)
intents, new_intents = ([row["category"] for row in part] for part in parts)
names, labels = np.unique(intents, return_inverse=True)
new_labels = np.searchsorted(names, new_intents)
words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
rows, new_rows = words.fit_transform(texts), words.transform(new_texts)
graph = knn_graph(rows, n_neighbors=k, metric="cosine")

print(f"{rows.shape[0]} + {new_rows.shape[0]} sentences, {len(names)} intents, {rows.shape[1]} words and pairs of words")
print(f"same intent among {k} neighbors: {(labels[graph.indices] == labels[:, None]).mean():.3f}")
plain = KNeighborsClassifier(k, metric="cosine", weights="distance").fit(rows, labels).predict(new_rows) == new_labels
print(f"accuracy, scikit-learn's cosine neighbors, votes by distance: {plain.mean():.3f}")
for metric in ("cosine", "geodesic", "diffusion"):
    neighbors = ManifoldNeighbors(k, metric=metric).fit(rows, graph=graph)
    votes = neighbors.kneighbors_graph(new_rows, mode="similarity") @ np.eye(len(names))[labels]
    right = votes.argmax(axis=1) == new_labels
    more, error = right.mean() - plain.mean(), 1.96 * (right * 1.0 - plain).std() / len(right) ** 0.5
    print(f"accuracy, {metric} neighbors, votes by similarity: {right.mean():.3f}, {more:+.3f} ± {error:.3f} beside that")

dense = Normalizer().fit_transform(TruncatedSVD(100, random_state=0).fit_transform(rows))
means = KMeans(len(names), n_init=3, random_state=0)
places = Normalizer().fit_transform(SpectralMap(30, metric="cosine").fit_transform(rows, graph=graph))
density = DensityClusters(metric="cosine").fit(rows, graph=graph)
found = {
    "k-means, TF-IDF rows": means.fit_predict(rows),
    "k-means, 100 singular vectors": means.fit_predict(dense),
    "BalancedClusters, the same vectors": BalancedClusters(len(names), min_size=20).fit_predict(dense),
    "SpectralClusters": SpectralClusters(len(names), metric="cosine").fit(rows, graph=graph).labels_,
    "k-means, directions on SpectralMap(30)": means.fit_predict(places),
    "DensityClusters, its own choice": density.labels_,
    "DensityClusters, its finest level": density.levels_[:, -1],
}
for name, clusters in found.items():
    matched = (table := contingency_matrix(labels, clusters))[linear_sum_assignment(-table)].sum() / len(labels)
    rand, mutual = adjusted_rand_score(labels, clusters), adjusted_mutual_info_score(labels, clusters)
    print(f"{name}: {len(set(clusters) - {-1})} clusters, ARI {rand:.3f}, AMI {mutual:.3f}, matched {matched:.3f}")
