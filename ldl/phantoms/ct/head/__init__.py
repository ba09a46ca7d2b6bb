"""The head and the upper neck.

z is 0 at the foramen magnum; the crown would be near 130, the larynx is near -85 mm.
"""
