"""One's own images: from a folder to an encoder, to masks, to a point, to other people's tools.

What cannot be used is an `LdlError` of one line that names the file or knob, what is wrong and what
to do. Outputs are looked at before the work: none replaces an image or a file of somebody else,
and after an error nothing is written.
"""
