_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Not in the paper: the decoder multiplies queries and keys first, as Mask2Former does. The outputs are
# the same as those of the main model, but operations and energy differ.
model = dict(decode_head=dict(transformer_decoder=dict(order='quadratic')))
