// SPDX-License-Identifier: Apache-2.0
/// @file
/// candor's side of the comparisons with PyTorch: a process that is told what to do line by line, as
/// torch_step.py and torch_device.py are.
///
///     peer_candor MODEL WORKLOAD.safetensors f32|bf16 THREADS shared|packed|padded [cpu|cuda[:N] [ADAPTER]]
///
///     log_probs        of the scored tokens, nats
///     gradients FILE   loss, log-probs, and gradients into a safetensors file, no step
///     steps N          N training steps: their losses and seconds
///     work FILE        other pairs from now on
///     batch N          at most N pairs in a pass from now on; 0: as many as candor takes of itself
///     memory           MiB: now, and the most since the last `memory`, or on a device since the start; resident on
///                      the CPU, of candor's pool on a device
///
/// With an adapter, PEFT's folder, it alone is trained. Where memory ends, the answer is {"out of memory": why} and the
/// process goes on.

#include <candor/core/config.hpp>
#include <candor/model/compiled.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/step.hpp>

#include "peers/workload.hpp"
#include "program/backend.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>

namespace {

using candor::host;
using clock_type = std::chrono::steady_clock;
constexpr double beta = 0.1, rate = 5e-7, max_norm = 1.0;

/// Numbers as a JSON array.
template <class Numbers>
std::string json_array(const Numbers& numbers) {
  std::ostringstream out;
  out.precision(9);
  for (const auto x : numbers) out << (out.tellp() > 0 ? ", " : "") << x;
  return "[" + out.str() + "]";
}

/// A value of /proc/self/status in MiB.
double status_mib(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + ":")) return std::strtod(line.c_str() + key.size() + 1, nullptr) / 1024;
  candor::fail<candor::io_error>("/proc/self/status has no ", key);
}

void wait_for(host&) {}
template <class B>
void wait_for(B& device) {
  device.synchronize();
}

template <class B, class T>
class trainer {
 public:
  trainer(B& backend, char** arguments, const char* adapter)
      : backend_(backend),
        network_(backend, candor::read_llava_config(arguments[1])),
        layout_(candor::parse_layout(arguments[5])),
        optimizer_(backend, {.learning_rate = rate}, 0) {
    candor::load_weights(network_, std::filesystem::path(arguments[1]));
    if (adapter != nullptr) candor::load_adapter(network_, adapter);
    network_.for_parameters([&](candor::parameter<B, T>& p) {
      if (p.trainable()) optimizer_.add(p);
    });
    for_adapter_matrices([&](auto& p) { optimizer_.add(p); });
    work(arguments[2]);
  }

  std::string answer(const std::string& command, const std::string& argument) {
    try {
      if (command == "log_probs") return "{\"log_probs\": " + log_probs() + "}";
      if (command == "gradients") return gradients(argument);
      if (command == "steps") return steps(std::atoi(argument.c_str()));
      if (command == "work") return work(argument);
      if (command == "batch") return batch(std::atoi(argument.c_str()));
      if (command == "memory") return memory();
    } catch (const candor::memory_error& full) {
      optimizer_.drop_gradients();
      std::string why = full.what();
      for (char& c : why)
        if (c == '"' || c == '\\' || c == '\n') c = '\'';
      return candor::text("{\"out of memory\": \"", why, "\"}");
    }
    candor::fail<candor::usage_error>("unknown command ", command);
  }

 private:
  template <class Visit>
  void for_adapter_matrices(Visit&& visit) {
    network_.for_adapters([&](const std::string&, auto& adapter) {
      visit(adapter.a);
      visit(adapter.b);
    });
  }

  std::string work(const std::filesystem::path& path) {
    work_.emplace(path, network_.config());
    return batch(0);
  }

  std::string batch(int pairs) {
    packing_ = {.layout = layout_};
    if (pairs > 0) packing_.max_tokens = pairs * work_->longest(layout_);
    runner_.emplace(network_, candor::dpo{.beta = beta}, packing_);
    return "{}";
  }

  double backward() {
    candor::step_values values;
    candor::tape<B> unused(backend_, candor::tape<B>::mode::evaluate);
    runner_->run(work_->pointers, work_->reference_views, {.tape = unused}, true, values, [] { return true; });
    return values.loss / values.pairs;
  }

  /// [[of a cell's tokens, ...], ...], pair after pair.
  std::string log_probs() {
    std::string out;
    for (const auto& record : candor::score<B, T>(network_, work_->pointers, {.packing = packing_}))
      for (const auto& cell : record) out += (out.empty() ? "" : ", ") + json_array(cell);
    return "[" + out + "]";
  }

  std::string gradients(const std::filesystem::path& path) {
    const std::string scores = log_probs();
    const double loss = backward();
    std::vector<std::vector<float>> kept;
    std::vector<candor::tensor_source> sources;
    const auto keep = [&](auto& p) {
      if (!p.has_gradient()) return;
      const auto values = kept.emplace_back(p.gradient().to_vector()).data();
      std::int64_t first = 0;
      for (const auto& part : p.parts()) {
        const auto count = part.extents.size();
        sources.push_back(
            candor::source_of(part.name, part.extents,
                              std::span<const float>(values + first, static_cast<std::size_t>(count))));
        first += count;
      }
    };
    network_.for_parameters(keep);
    for_adapter_matrices(keep);
    candor::write_safetensors(path, sources);
    optimizer_.drop_gradients();
    std::ostringstream out;
    out.precision(9);
    out << "{\"loss\": " << loss << ", \"log_probs\": " << scores << "}";
    return out.str();
  }

  std::string steps(int count) {
    std::vector<double> losses, seconds;
    for (int i = 0; i < count; ++i) {
      const auto begin = clock_type::now();
      losses.push_back(backward());
      const double norm = optimizer_.gradient_norm();
      optimizer_.step(rate, norm > max_norm ? max_norm / (norm + 1e-6) : 1.0);
      wait_for(backend_);
      seconds.push_back(std::chrono::duration<double>(clock_type::now() - begin).count());
    }
    return "{\"losses\": " + json_array(losses) + ", \"seconds\": " + json_array(seconds) + "}";
  }

  std::string memory() {
    constexpr double mib = 1 << 20;
    if constexpr (!std::is_same_v<B, host>)
      return candor::text("{\"now\": ", static_cast<double>(backend_.bytes_in_use()) / mib,
                          ", \"peak\": ", static_cast<double>(backend_.peak_bytes()) / mib, "}");
    const std::string out =
        candor::text("{\"now\": ", status_mib("VmRSS"), ", \"peak\": ", status_mib("VmHWM"), "}");
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
    return out;
  }

  B& backend_;
  candor::llava_network<B, T> network_;
  candor::layout_kind layout_;
  candor::pack_options packing_;
  candor::adamw_optimizer<B> optimizer_;
  std::optional<candor_bench::workload> work_;
  std::optional<candor::objective_step<B, T, candor::dpo>> runner_;
};

template <class T, class B>
void serve(B& backend, char** arguments, const char* adapter) {
  trainer<B, T> t(backend, arguments, adapter);
  std::cout << "{\"program\": \"candor " << CANDOR_VERSION << "\", \"backend\": \"" << B::name
            << "\", \"threads\": " << std::atoi(arguments[4]) << "}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command, argument;
    words >> command >> argument;
    std::cout << t.answer(command, argument) << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    candor::require<candor::usage_error>(argc >= 6 && argc <= 8,
                                         "usage: peer_candor MODEL WORKLOAD.safetensors f32|bf16 THREADS "
                                         "shared|packed|padded [cpu|cuda[:N] [ADAPTER]]");
    const char* adapter = argc == 8 ? argv[7] : nullptr;
    program::device_options device;
    if (argc > 6) device.device = argv[6];
    program::with_backend(device, std::atoi(argv[4]), [&](auto& backend) {
      std::string(argv[3]) == "bf16" ? serve<candor::bfloat16>(backend, argv, adapter)
                                     : serve<float>(backend, argv, adapter);
    });
  } catch (const candor::error& failed) {
    std::fprintf(stderr, "peer_candor: %s\n", failed.what());
    return failed.exit_code();
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "peer_candor: %s\n", failed.what());
    return 1;
  }
}
