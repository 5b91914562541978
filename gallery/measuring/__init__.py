"""How well the site searches (`quality`, for `evaluate`) and how fast (`speed`, for `benchmark_search`), in figures."""
