"""Data preprocessors of clips, for mmseg, mmdet and mmpretrain."""

from .clips import ClipClsDataPreprocessor, ClipDetDataPreprocessor, ClipSegDataPreprocessor

__all__ = ['ClipClsDataPreprocessor', 'ClipDetDataPreprocessor', 'ClipSegDataPreprocessor']
