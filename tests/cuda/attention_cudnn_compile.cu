// SPDX-License-Identifier: Apache-2.0
// The backend with attention by cuDNN, where CMake found its headers. Compiling is the test.
#include <candor/backend/cuda/cuda.cuh>

#if CANDOR_HAS_CUDNN
template <class T>
using part_of = candor::view<candor::cuda, T>;
using candor::bfloat16;

template void candor::cuda::attention_forward<bfloat16>(const candor::attention_heads&,
                                                        const candor::attention_layout&, part_of<const bfloat16>,
                                                        part_of<const bfloat16>, part_of<const bfloat16>,
                                                        part_of<bfloat16>, part_of<float>);
#endif
