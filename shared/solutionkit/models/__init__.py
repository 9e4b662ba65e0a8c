"""The baseline and the deep model: training, and export as SavedModels without custom ops."""
