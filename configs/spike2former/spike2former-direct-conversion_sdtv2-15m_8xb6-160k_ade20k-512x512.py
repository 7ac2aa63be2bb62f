_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: Mask2Former's encoder and mask embedding with added neurons. This is our reading: the paper
# only says "spiking Mask2Former", directly converted.
model = dict(
    decode_head=dict(
        pixel_decoder=dict(
            encoder=dict(_delete_=True, type='MSDeformEncoder', num_layers=6, mlp_ratio=4),
            encoder_levels=(1, 2, 3),
        ),
        mask_embed=dict(shortcut=None, pre_act=None, scale=1.0),
    )
)
