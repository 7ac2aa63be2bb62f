"""Colours of curves and bars."""

#: Colours that readers with a colour vision deficiency can tell apart (Okabe and Ito).
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
