"""The docs site: plain Markdown pages told by the components themselves, and the HTML that Sphinx makes of them."""
