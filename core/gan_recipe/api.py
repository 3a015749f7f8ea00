"""The number of the API that plugins are written for."""

from __future__ import annotations

#: Raised when something of ``gan_recipe.__all__``, a hook or an interface goes or changes its meaning; what is added
#: leaves it. A plugin's module that states ``GAN_RECIPE_API = 1`` is refused, by name, where the number is another.
API_VERSION = 1
