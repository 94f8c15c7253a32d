"""The functions of TensorFlow that op layers may call, and their arguments: data, so that configs can be checked.

Symbols, then behind a colon the arguments in their order; ``?`` marks those that may be left out. ``name`` is not among
them: it changes nothing. live/keras2/ops computes these; a test holds that both say the same.
"""

from __future__ import annotations

_TABLE = """
abs acos acosh asin asinh atan atanh bitwise.invert cos cosh exp floor keras.activations.exponential
keras.activations.hard_sigmoid keras.activations.linear keras.activations.mish keras.activations.selu
keras.activations.sigmoid keras.activations.softplus keras.activations.softsign keras.activations.swish
keras.activations.tanh keras.backend.abs keras.backend.batch_flatten keras.backend.cast_to_floatx
keras.backend.cos keras.backend.exp keras.backend.flatten keras.backend.hard_sigmoid keras.backend.log
keras.backend.round keras.backend.shape keras.backend.sigmoid keras.backend.sign keras.backend.sin
keras.backend.softplus keras.backend.softsign keras.backend.sqrt keras.backend.square keras.backend.tanh
keras.backend.transpose linalg.trace math.abs math.acos math.acosh math.asin math.asinh math.atan math.atanh
math.bessel_i0 math.bessel_i0e math.bessel_i1 math.bessel_i1e math.ceil math.conj math.cos math.cosh
math.digamma math.erf math.erfc math.erfinv math.exp math.expm1 math.floor math.is_finite math.is_inf
math.is_nan math.lgamma math.log math.log1p math.log_sigmoid math.logical_not math.ndtri math.negative
math.reciprocal math.reciprocal_no_nan math.rint math.round math.rsqrt math.sigmoid math.sign math.sin math.sinh
math.sqrt math.square math.tan math.tanh negative nn.tanh round sigmoid sign sin sinh sqrt square tan tanh
    : x
__operators__.add add bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor bitwise.left_shift
bitwise.right_shift compat.v1.div compat.v1.floor_div compat.v1.floordiv compat.v1.floormod divide equal greater
greater_equal keras.backend.dot keras.backend.equal keras.backend.greater keras.backend.greater_equal
keras.backend.less keras.backend.less_equal keras.backend.maximum keras.backend.minimum keras.backend.not_equal
less less_equal logical_and logical_or math.add math.divide math.divide_no_nan math.equal math.floordiv
math.floormod math.greater math.greater_equal math.less math.less_equal math.logical_and math.logical_or
math.logical_xor math.maximum math.minimum math.mod math.multiply math.multiply_no_nan math.not_equal math.pow
math.squared_difference math.subtract math.truediv math.xdivy math.xlog1py math.xlogy maximum minimum multiply
not_equal pow realdiv subtract truediv truncatediv truncatemod
    : x y
math.reduce_all math.reduce_any math.reduce_euclidean_norm math.reduce_logsumexp math.reduce_max
math.reduce_mean math.reduce_min math.reduce_prod math.reduce_std math.reduce_sum math.reduce_variance
reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod
reduce_std reduce_sum reduce_variance
    : input_tensor axis? keepdims?
identity linalg.cholesky linalg.det linalg.expm linalg.tensor_diag_part math.angle math.imag math.real rank
stop_gradient
    : input
keras.activations.softmax keras.backend.argmax keras.backend.argmin keras.backend.cumprod keras.backend.cumsum
keras.backend.expand_dims keras.backend.l2_normalize keras.backend.softmax keras.backend.stack
    : x axis?
keras.backend.all keras.backend.any keras.backend.max keras.backend.mean keras.backend.min keras.backend.prod
keras.backend.std keras.backend.sum keras.backend.var
    : x axis? keepdims?
nn.avg_pool nn.avg_pool1d nn.avg_pool2d nn.avg_pool3d nn.max_pool nn.max_pool1d nn.max_pool2d nn.max_pool3d
    : input ksize strides padding data_format?
math.softplus nn.elu nn.relu nn.relu6 nn.selu nn.softplus nn.softsign
    : features
math.unsorted_segment_max math.unsorted_segment_mean math.unsorted_segment_min math.unsorted_segment_prod
math.unsorted_segment_sum
    : data segment_ids num_segments
tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub tensor_scatter_nd_update
    : tensor indices updates bad_indices_policy?
image.flip_left_right image.flip_up_down image.per_image_standardization image.transpose
    : image
image.grayscale_to_rgb image.rgb_to_grayscale image.rgb_to_yuv image.yuv_to_rgb
    : images
argmax argmin math.argmax math.argmin
    : input axis? output_type?
compat.v1.shape compat.v1.size shape size
    : input out_type?
cumsum math.cumprod math.cumsum math.cumulative_logsumexp
    : x axis? exclusive? reverse?
math.igamma math.igammac math.polygamma
    : a x
compat.v1.where compat.v1.where_v2 where
    : condition x? y?
add_n math.accumulate_n math.add_n
    : inputs
compat.v1.nn.sigmoid_cross_entropy_with_logits compat.v1.nn.sparse_softmax_cross_entropy_with_logits
nn.sigmoid_cross_entropy_with_logits
    : labels? logits?
compat.v1.math.scalar_mul math.scalar_mul scalar_mul
    : scalar x
linalg.tensordot tensordot
    : a b axes
linalg.matmul matmul
    : a b transpose_a? transpose_b? adjoint_a? adjoint_b? a_is_sparse? b_is_sparse? output_type? grad_a?
      grad_b?
compat.v1.transpose transpose
    : a perm? conjugate?
einsum linalg.einsum
    : equation inputs
compat.v1.nn.crelu nn.crelu
    : features axis?
image.crop_to_bounding_box image.pad_to_bounding_box
    : image offset_height offset_width target_height target_width
compat.v1.expand_dims expand_dims
    : input axis
nn.depth_to_space nn.space_to_depth
    : input block_size data_format?
ones_like zeros_like
    : input dtype? layout?
nn.conv2d nn.conv3d
    : input filters strides padding data_format? dilations?
math.top_k nn.top_k
    : input k? sorted? index_type?
nn.log_softmax nn.softmax
    : logits axis?
compat.v1.nn.log_softmax compat.v1.nn.softmax
    : logits axis? dim?
linalg.adjoint linalg.logdet
    : matrix
eye linalg.eye
    : num_rows num_columns? batch_shape? dtype?
compat.v1.gather_nd gather_nd
    : params indices batch_dims? bad_indices_policy?
compat.v1.gather gather
    : params indices validate_indices? axis? batch_dims?
__operators__.eq __operators__.ne
    : self other
ones zeros
    : shape dtype? layout?
math.in_top_k nn.in_top_k
    : targets predictions k
compat.v1.reverse_v2 reverse
    : tensor axis
compat.v1.ones_like compat.v1.zeros_like
    : tensor dtype? optimize?
linalg.norm norm
    : tensor ord? axis? keepdims?
compat.v1.pad pad
    : tensor paddings mode? constant_values?
compat.v1.convert_to_tensor convert_to_tensor
    : value dtype? dtype_hint?
keras.activations.elu keras.backend.elu
    : x alpha?
keras.activations.relu keras.backend.relu
    : x alpha? max_value? threshold?
math.l2_normalize nn.l2_normalize
    : x axis? epsilon? dim?
cast keras.backend.cast
    : x dtype
keras.backend.ones_like keras.backend.zeros_like
    : x dtype?
keras.backend.repeat keras.backend.tile
    : x n
ensure_shape keras.backend.reshape
    : x shape
atan2 math.atan2
    : y x
linalg.cross
    : a b
linalg.matvec
    : a b transpose_a? adjoint_a? a_is_sparse? b_is_sparse?
math.betainc
    : a b x
linalg.matrix_transpose
    : a conjugate?
linalg.pinv
    : a rcond? validate_args?
math.bincount
    : arr weights? minlength? maxlength? dtype? axis? binary_output?
math.polyval
    : coeffs x
keras.backend.switch
    : condition then_expression else_expression
linalg.tensor_diag
    : diagonal
linalg.diag
    : diagonal k? num_rows? num_cols? padding_value? align?
fill
    : dims value layout?
nn.leaky_relu
    : features alpha?
nn.gelu
    : features approximate?
nn.silu
    : features beta?
image.central_crop
    : image central_fraction
image.adjust_brightness
    : image delta
image.convert_image_dtype
    : image dtype saturate?
image.adjust_gamma
    : image gamma? gain?
image.rot90
    : image k?
image.resize_with_crop_or_pad
    : image target_height target_width
image.adjust_contrast
    : images contrast_factor
image.resize
    : images size method? preserve_aspect_ratio? antialias?
image.extract_patches
    : images sizes strides rates padding
one_hot
    : indices depth on_value? off_value? axis? dtype?
keras.backend.one_hot
    : indices num_classes
scatter_nd
    : indices updates shape bad_indices_policy?
linalg.inv
    : input adjoint?
squeeze
    : input axis?
math.count_nonzero
    : input axis? keepdims? dtype?
compat.v1.squeeze
    : input axis? squeeze_dims?
linalg.set_diag
    : input diagonal k? align?
nn.depthwise_conv2d
    : input filter strides padding data_format? dilations?
compat.v1.nn.depthwise_conv2d
    : input filter strides padding rate? data_format? dilations?
compat.v1.nn.conv2d
    : input filter? strides? padding? use_cudnn_on_gpu? data_format? dilations? filters?
nn.conv1d
    : input filters stride padding data_format? dilations?
linalg.diag_part
    : input k? padding_value? align?
tile
    : input multiples
linalg.band_part
    : input num_lower num_upper
repeat
    : input repeats axis?
reverse_sequence
    : input seq_lengths seq_axis? batch_axis?
broadcast_to
    : input shape
roll
    : input shift axis
strided_slice
    : input_ begin end strides? begin_mask? end_mask? ellipsis_mask? new_axis_mask? shrink_axis_mask? var?
slice
    : input_ begin size
nn.sparse_softmax_cross_entropy_with_logits
    : labels logits
nn.softmax_cross_entropy_with_logits
    : labels logits axis?
compat.v1.nn.softmax_cross_entropy_with_logits_v2
    : labels logits axis? dim?
sequence_mask
    : lengths maxlen? dtype?
linalg.solve
    : matrix rhs adjoint?
linalg.triangular_solve
    : matrix rhs lower? adjoint?
nn.embedding_lookup
    : params ids max_norm?
compat.v1.nn.embedding_lookup
    : params ids partition_strategy? validate_indices? max_norm?
compat.v1.math.in_top_k
    : predictions targets k
keras.backend.gather
    : reference indices
range
    : start limit? delta? dtype?
nn.l2_loss
    : t
clip_by_norm
    : t clip_norm axes?
clip_by_value
    : t clip_value_min clip_value_max
keras.backend.binary_crossentropy
    : target output from_logits?
keras.backend.categorical_crossentropy
    : target output from_logits? axis?
linalg.normalize
    : tensor ord? axis?
compat.v1.norm
    : tensor ord? axis? keepdims? keep_dims?
reshape
    : tensor shape
__operators__.getitem
    : tensor slice_spec var?
keras.backend.concatenate
    : tensors axis?
math.zero_fraction
    : value
nn.bias_add
    : value bias data_format?
dtypes.saturate_cast
    : value dtype
unstack
    : value num? axis?
split
    : value num_or_size_splits axis? num?
compat.v1.nn.conv1d
    : value? filters? stride? padding? use_cudnn_on_gpu? data_format? input? dilations?
concat
    : values axis
stack
    : values axis?
sort
    : values axis? direction?
argsort
    : values axis? direction? stable?
keras.backend.stop_gradient
    : variables
keras.backend.pow
    : x a
keras.activations.gelu
    : x approximate?
keras.backend.reverse
    : x axes
nn.moments
    : x axes shift? keepdims?
keras.backend.squeeze
    : x axis
keras.backend.bias_add
    : x bias data_format?
keras.backend.resize_images
    : x height_factor width_factor data_format interpolation?
nn.batch_normalization
    : x mean variance offset scale variance_epsilon
keras.backend.clip
    : x min_value max_value
keras.backend.temporal_padding
    : x padding?
keras.backend.spatial_2d_padding
    : x padding? data_format?
keras.backend.permute_dimensions
    : x pattern
math.zeta
    : x q
keras.backend.repeat_elements
    : x rep axis
keras.backend.batch_dot
    : x y axes?
"""


def _parse(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    symbols: list[str] = []
    inside = False
    for line in text.strip().splitlines():
        if not line.startswith(" "):
            symbols = [] if inside else symbols
            symbols += line.split()
            inside = False
            continue
        inside = True
        arguments = tuple(line.replace(":", " ").split())
        found.update({symbol: (*found.get(symbol, ()), *arguments) for symbol in symbols})
    return found


FUNCTIONS: dict[str, tuple[str, ...]] = _parse(_TABLE)


def arguments_of(symbol: str) -> tuple[str, ...]:
    """Return the names of a function's arguments in their order; none for a function that is not in the table."""
    return tuple(name.removesuffix("?") for name in FUNCTIONS.get(symbol, ()))


def missing_of(symbol: str, given: int, names: frozenset[str]) -> list[str]:
    """Return the arguments that a call with ``given`` positional and these named arguments lacks."""
    return [name for name in FUNCTIONS[symbol][given:] if not name.endswith("?") and name not in names]
