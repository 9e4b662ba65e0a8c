"""SHAP values of the models on the original columns."""
