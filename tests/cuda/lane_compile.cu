// SPDX-License-Identifier: Apache-2.0
// Every member of the device's lane in one kernel. Compiling is the test.
#include <candor/backend/cuda/device_lane.cuh>

namespace {

using namespace candor::device;

struct everything {
  static constexpr int threads = 64;
  const sixteen_bytes* in;
  float* out;
  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const auto at = static_cast<shared_at>(16 * lane.thread_index());
    lane.copy_async(at, in + lane.thread_index(), lane.thread_index() < lane.block_size() - 1);
    lane.commit_copies();
    lane.template wait_copies<0>();
    lane.sync();
    std::uint32_t a[4], b[4];
    float c[4] = {};
    lane.load_matrix(a, at);
    lane.load_matrix_transposed(b, at);
    lane.multiply_add(c, a, {b[0], b[1]});
    lane.sync_warp();
    lane.write(at, lane.load(in + lane.warp_index()));
    c[0] = lane.exp2(lane.shuffle(c[0], 3)) + lane.shuffle_xor(c[1], 1) + lane.template read<float>(at);
    lane.store(out + lane.block_index(0) * lane.grid_size(1) + lane.lane_index(), c[0]);
    lane.store(reinterpret_cast<std::uint32_t*>(out), lane.pack_bfloat16(c[2], c[3]));
  }
};

}  // namespace

cudaError_t launch_everything(const sixteen_bytes* in, float* out, cudaStream_t stream) {
  return launch_kernel(everything{in, out}, dim3(2), 64 * 1024, stream);
}
