"""Generators: VAE, flow; latent samplers; all behind one contract."""
