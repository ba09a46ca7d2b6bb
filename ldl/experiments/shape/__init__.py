"""Shape-guided segmentation (LDL Tables 5 and 6, Figure 8): its runs, numbers and pictures."""
