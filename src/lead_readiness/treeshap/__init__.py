"""Exact SHAP values of shallow trees from tables."""
