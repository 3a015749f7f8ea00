"""The plugin's door: what it offers, by name. The components are imported when a recipe names them."""

from __future__ import annotations

from gan_recipe import hookimpl

GAN_RECIPE_API = 1


@hookimpl
def gan_recipe_components() -> dict[str, str]:
    return {
        "cosine_head": "acme_heads.cosine_head:CosineHead",
        "softplus_ranking": "acme_heads.softplus_ranking:SoftplusRanking",
    }
