# The moving demo set: clips of 96x96, generated from a seed and written to data/demo-video if it does not exist
# yet. DEMO_VIDEO_ROOT moves it. Each frame has a label map and counts.
_base_ = './semantic_512x512.py'

dataset_type = 'spikedense.MovingDemoDataset'
num_classes = 10
num_frames = 8
data_root = '{{$DEMO_VIDEO_ROOT:data/demo-video}}'
# Training and validation share one folder, so both need the same parameters.
generator = dict(seed=0, size=(96, 96), num_frames=num_frames, num_train=200, num_val=40)
__common = dict(
    type=dataset_type,
    data_root=data_root,
    generator=generator,
    num_frames=num_frames,
    label_frames='all',
)
crop_size = (96, 96)
data_preprocessor = dict(
    type='spikedense.ClipSegDataPreprocessor',
    num_frames=num_frames,
    label_frames='all',
    size=crop_size,
)
# No photometric distortion, because colour is a clue to the class. Little scaling, because the set is small.
train_pipeline = [
    dict(type='spikedense.LoadClipFromFiles'),
    dict(type='spikedense.LoadClipAnnotations'),
    dict(type='RandomResize', scale=(96, 96), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='spikedense.PackClipInputs'),
]
test_pipeline = [
    dict(type='spikedense.LoadClipFromFiles'),
    dict(type='spikedense.LoadClipAnnotations'),
    dict(type='spikedense.PackClipInputs'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    dataset=dict(
        data_prefix=dict(img_path='frames/train', seg_map_path='annotations/train'),
        pipeline=train_pipeline,
        **__common,
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        data_prefix=dict(img_path='frames/val', seg_map_path='annotations/val'),
        pipeline=test_pipeline,
        **__common,
    ),
)
test_dataloader = val_dataloader
# The first frame shows no motion, so it does not count.
val_evaluator = dict(_delete_=True, type='spikedense.ClipIoUMetric', iou_metrics=['mIoU'], skip=1)
test_evaluator = val_evaluator
