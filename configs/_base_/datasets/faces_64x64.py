# 200 photographs of 25x25 pixels that scikit-image ships, faces and others, enlarged. Written by
#     spikedense make-patches faces data/faces
_base_ = './demo_patches_64x64.py'
__data = dict(data_root='{{$DATA_ROOT:data}}/faces', metainfo=dict(classes=['face', 'other']))
num_classes = 2
data_preprocessor = dict(num_classes=num_classes)
train_dataloader = dict(dataset=__data)
val_dataloader = dict(dataset=__data)
test_dataloader = val_dataloader
