"""Shape-guided segmentation: the guided run and its watch, outputs and baselines, their scores."""
