// SPDX-License-Identifier: Apache-2.0
/// @file
/// candor's side of the comparison with PyTorch: a process that is told what to do line by line, as
/// torch_step.py is.
///
///     peer_candor MODEL WORKLOAD.safetensors f32|bf16 THREADS shared|packed|padded
///
///     gradients FILE   loss, log-probs of the scored tokens, and gradients into a safetensors file, no step
///     steps N          N training steps: their losses and seconds
///     memory           MiB resident: now, and the most since the last `memory`

#include <candor/backend/host/host.hpp>
#include <candor/core/config.hpp>
#include <candor/model/compiled.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/step.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

namespace {

using candor::host;
using clock_type = std::chrono::steady_clock;
constexpr double beta = 0.1, rate = 5e-7, max_norm = 1.0;

template <class T>
std::vector<T> read(const candor::safetensors_file& file, const std::string& name) {
  const auto* info = file.find(name);
  candor::require<candor::input_error>(info != nullptr, file.path().string(), ": no tensor \"", name, '"');
  std::vector<T> out(info->elements());
  file.read(*info, std::as_writable_bytes(std::span(out)));
  return out;
}

/// The pairs of a step, with the log-probs that the reference gives their answers.
struct workload {
  std::vector<candor::encoded_record> records;
  std::vector<const candor::encoded_record*> pointers;
  std::vector<std::vector<std::vector<float>>> reference;  // pair, cell, token: nats
  std::vector<std::vector<std::span<const float>>> reference_views;

  workload(const std::filesystem::path& path, const candor::llava_config& config) {
    const candor::safetensors_file file(path);
    const auto pixels = read<float>(file, "pixel_values");
    const auto pairs = file.find("pixel_values")->dims[0];
    for (std::size_t i = 0; i < pairs; ++i) {
      candor::encoded_record record;
      candor::segment stem;
      for (std::int32_t t = 0; t < config.image_tokens(); ++t) stem.tokens.push_back(candor::image_row(t));
      for (const auto id : read<std::int32_t>(file, candor::text("question.", i))) stem.tokens.push_back(id);
      record.tree.segments.push_back(std::move(stem));
      record.tree.images = 1;
      record.tree.feature_rows = config.image_tokens();
      auto& expected = reference.emplace_back();
      for (const char* name : {"chosen", "rejected"}) {
        record.tree.segments.push_back(
            {.tokens = read<std::int32_t>(file, candor::text(name, ".", i)), .parent = 0});
        record.tree.cells.push_back({{static_cast<std::int32_t>(record.tree.segments.size()) - 1, {}}});
        expected.push_back(read<float>(file, candor::text("reference.", name, ".", i)));
      }
      const auto size = pixels.size() / pairs;
      record.pixels.assign(pixels.begin() + static_cast<std::ptrdiff_t>(i * size),
                           pixels.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
      records.push_back(std::move(record));
    }
    for (const auto& r : records) pointers.push_back(&r);
    for (const auto& r : reference) reference_views.emplace_back(r.begin(), r.end());
  }
};

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

template <class T>
class trainer {
 public:
  trainer(const std::filesystem::path& model, const std::filesystem::path& data, int threads,
          candor::layout_kind layout)
      : cpu_({.threads = threads}),
        network_(cpu_, candor::read_llava_config(model)),
        work_(data, network_.config()),
        layout_(layout),
        runner_(network_, {.beta = beta}, {.layout = layout}),
        optimizer_(cpu_, {.learning_rate = rate}, 0) {
    candor::load_weights(network_, model);
    network_.for_parameters([&](candor::parameter<host, T>& p) {
      if (p.trainable()) optimizer_.add(p);
    });
  }

  std::string answer(const std::string& command, const std::string& argument) {
    if (command == "gradients") return gradients(argument);
    if (command == "steps") return steps(std::atoi(argument.c_str()));
    if (command == "memory") return memory();
    candor::fail<candor::usage_error>("unknown command ", command);
  }
  std::string greeting() const {
    return candor::text("{\"program\": \"candor ", CANDOR_VERSION, "\", \"threads\": ", cpu_.threads(), "}");
  }

 private:
  double backward() {
    candor::step_values values;
    candor::tape<host> unused(cpu_, candor::tape<host>::mode::evaluate);
    runner_.run(work_.pointers, work_.reference_views, {.tape = unused}, true, values, [] { return true; });
    return values.loss / values.pairs;
  }

  std::string gradients(const std::filesystem::path& path) {
    const auto scores = candor::score<host, T>(network_, work_.pointers, {.packing = {.layout = layout_}});
    const double loss = backward();
    std::vector<std::vector<float>> kept;
    std::vector<candor::tensor_source> sources;
    network_.for_parameters([&](candor::parameter<host, T>& p) {
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
    });
    candor::write_safetensors(path, sources);
    optimizer_.drop_gradients();
    std::string log_probs;
    for (const auto& record : scores)
      for (const auto& cell : record) log_probs += (log_probs.empty() ? "" : ", ") + json_array(cell);
    std::ostringstream out;
    out.precision(9);
    out << "{\"loss\": " << loss << ", \"log_probs\": [" << log_probs << "]}";
    return out.str();
  }

  std::string steps(int count) {
    std::vector<double> losses, seconds;
    for (int i = 0; i < count; ++i) {
      const auto begin = clock_type::now();
      losses.push_back(backward());
      const double norm = optimizer_.gradient_norm();
      optimizer_.step(rate, norm > max_norm ? max_norm / (norm + 1e-6) : 1.0);
      seconds.push_back(std::chrono::duration<double>(clock_type::now() - begin).count());
    }
    return "{\"losses\": " + json_array(losses) + ", \"seconds\": " + json_array(seconds) + "}";
  }

  std::string memory() {
    const std::string out =
        candor::text("{\"now\": ", status_mib("VmRSS"), ", \"peak\": ", status_mib("VmHWM"), "}");
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
    return out;
  }

  host cpu_;
  candor::llava_network<host, T> network_;
  workload work_;
  candor::layout_kind layout_;
  candor::objective_step<host, T, candor::dpo> runner_;
  candor::adamw_optimizer<host> optimizer_;
};

template <class T>
void serve(char** arguments) {
  trainer<T> t(arguments[1], arguments[2], std::atoi(arguments[4]), candor::parse_layout(arguments[5]));
  std::cout << t.greeting() << std::endl;
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
    candor::require<candor::usage_error>(
        argc == 6, "usage: peer_candor MODEL WORKLOAD.safetensors f32|bf16 THREADS shared|packed|padded");
    std::string(argv[3]) == "bf16" ? serve<candor::bfloat16>(argv) : serve<float>(argv);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "peer_candor: %s\n", failed.what());
    return 1;
  }
}
