"""Recipes that train in seconds and that several files of tests begin from."""

from __future__ import annotations

#: Two networks of three layers on a ring of eight Gaussians; who uses it states a schedule.
TOY = """
[run]
rounds = 700
batch = 64
precision = "float32"
observers = []

[data]
toy = { use = "toy_2d", modes = 8, sd = 0.05 }
noise = { use = "noise", size = 8 }

[networks]
generator = { use = "mlp", widths = [64, 64], outputs = 2 }
critic = { use = "mlp", widths = [64, 64], outputs = 1 }

[values]
fake = "generator(noise)"

[players.critic]
trains = ["critic"]
optimizer = { use = "adam", lr = 5e-3, betas = [0.5, 0.99] }
losses.gan = { use = "bce_critic", real = "critic(point)", fake = "critic(fake)" }

[players.generator]
trains = ["generator"]
optimizer = { use = "adam", lr = 1e-3, betas = [0.5, 0.99] }
losses.gan = { use = "bce_generator", fake = "critic(fake)" }
"""
