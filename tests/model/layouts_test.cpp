// SPDX-License-Identifier: Apache-2.0
// A small decoder with image features gives the same log-probs and the same gradients however its forests are
// laid out: shared, packed, padded and one by one.
#include "support/catch.hpp"
#include "support/random_forest.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/data/pack.hpp>
#include <candor/model/llama.hpp>
#include <candor/train/variant_forest.hpp>

#include <cmath>
#include <map>
#include <memory>
#include <tuple>

using candor::forest;
using candor::host;
using candor::layout_kind;
using candor::packed_batch;

namespace {

candor::text_config small_text() {
  candor::text_config c;
  c.vocab_size = 50;
  c.hidden_size = 32;
  c.intermediate_size = 40;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 4;
  c.num_key_value_heads = 2;
  c.head_dim = 12;
  return c;
}

using score_key = std::tuple<std::int32_t, std::int32_t, std::int32_t>;  // forest, cell, place

/// Log-probs in nats and gradients by parameter.
struct outcome {
  std::map<score_key, double> log_probs;
  std::map<std::string, std::vector<double>> gradients;
};

template <class T>
class toy_model {
 public:
  toy_model(host& cpu, bool three_axes)
      : cpu_(cpu),
        llama_(cpu, small_text(), "m.", "head"),
        features_(cpu, "features", candor::shape{4000, small_text().hidden_size}) {
    if (three_axes) axis_of_frequency_ = {0, 0, 1, 1, 2, 2};
    candor::random_stream random(21, 0);
    // 1 / sqrt(width), so that activations and logits have the size that they have in a real model.
    const double spread = 1.0 / std::sqrt(static_cast<double>(small_text().hidden_size));
    for_parameters([&](auto& p) { fill(p, random, p.extents().rank() == 1 ? 1.0 : 0.0, spread); });
  }

  void add_adapters(double dropout) {
    llama_.for_linears([&](auto& layer) {
      layer.add_adapters({.rank = 4, .alpha = 8, .dropout = dropout, .seed = 5},
                         [](std::string_view) { return true; });
    });
    candor::random_stream random(22, 0);
    llama_.for_linears([&](auto& layer) {
      for (auto& a : layer.adapters) fill(a.b, random, 0.0, 0.2);
    });
  }

  outcome run(const std::vector<forest>& forests, const candor::pack_options& options, bool dropout = false,
              std::uint64_t step = 0) {
    for_parameters([](auto& p) { p.drop_gradient(); });
    outcome out;
    for (const packed_batch& pass : candor::pack(candor_test::pointers(forests), options))
      run_pass(pass, forests, dropout, step, out);
    for_parameters([&](auto& p) {
      const auto values = p.gradient().to_vector();
      out.gradients[p.name()] = {values.begin(), values.end()};
    });
    return out;
  }

 private:
  template <class Parameter>
  void fill(Parameter& p, candor::random_stream& random, double centre, double spread) {
    using value = typename std::remove_cvref_t<decltype(p.storage())>::value_type;
    std::vector<value> values(static_cast<std::size_t>(p.size()));
    for (auto& v : values) v = static_cast<value>(centre + spread * static_cast<double>(random.normal()));
    p.storage().copy_from(values);
  }

  template <class Visit>
  void for_parameters(Visit visit) {
    visit(features_);
    llama_.for_parameters(visit);
    llama_.for_linears([&](auto& layer) {
      for (auto& a : layer.adapters) {
        visit(a.a);
        visit(a.b);
      }
    });
  }

  /// Forest f's image features begin at row 400 f of the table.
  candor::variable<host, T> features_of(candor::tape<host>& tape, const packed_batch& pass,
                                        const std::vector<forest>& forests) {
    std::vector<std::int32_t> rows;
    for (const auto f : pass.forests)
      for (std::int32_t r = 0; r < forests[static_cast<std::size_t>(f)].feature_rows; ++r)
        rows.push_back(400 * f + r);
    if (rows.empty()) return {};
    return candor::embed(tape, features_, rows);
  }

  void run_pass(const packed_batch& pass, const std::vector<forest>& forests, bool dropout,
                std::uint64_t step, outcome& out) {
    candor::tape<host> tape(cpu_);
    candor::forward_context<host> context{.tape = tape, .dropout = dropout, .seed = 9, .step = step};
    context.token_keys = std::make_shared<const candor::tensor<host, std::uint64_t>>(
        candor::tensor<host, std::uint64_t>::from(cpu_, candor::shape{pass.tokens()}, pass.token_keys));
    auto rotary = llama_.rotary();
    rotary.axis_of_frequency = axis_of_frequency_;
    const auto rotation = std::make_shared<const candor::tensor<host, T>>(
        candor::rotation_table<host, T>(cpu_, rotary, pass.positions, pass.tokens()));
    const auto embedded =
        candor::embed(tape, llama_.embedding(), pass.words, features_of(tape, pass, forests), pass.patches);
    const auto y =
        llama_.log_probs(context, embedded, {pass.layout, rotation}, pass.hidden_rows, pass.targets);
    const auto d = y.sink().d;
    for (std::size_t i = 0; i < pass.scored.size(); ++i) {
      const auto& s = pass.scored[i];
      out.log_probs[{s.forest, s.cell, s.place}] = static_cast<double>(y.value().data[i]);
      const double share = std::cos(3.0 * s.forest + 5.0 * s.cell);  // of its cell in the loss
      d.data[i] = static_cast<T>(share * static_cast<double>(s.weight));
    }
    tape.backward();
  }

  host& cpu_;
  candor::llama<host, T> llama_;
  candor::parameter<host, T> features_;
  std::vector<std::int32_t> axis_of_frequency_;
};

double length_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}

/// Log-probs within `nats` a token, gradients within `relative` of their tensor's norm.
void check_equal(const outcome& a, const outcome& b, double nats, double relative) {
  REQUIRE(a.log_probs.size() == b.log_probs.size());
  double worst = 0;
  for (const auto& [key, value] : a.log_probs) worst = std::max(worst, std::abs(value - b.log_probs.at(key)));
  CHECK(worst <= nats);
  for (const auto& [name, gradient] : a.gradients) {
    const auto& other = b.gradients.at(name);
    std::vector<double> difference(gradient.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) difference[i] = gradient[i] - other[i];
    INFO(name << ": norm " << length_of(gradient) << ", difference " << length_of(difference));
    CHECK(length_of(difference) <= relative * length_of(gradient));
    CHECK((length_of(gradient) > 0 || name == "features"));
  }
}

template <class T>
struct bounds;
template <>
struct bounds<float> {
  static constexpr double nats = 1e-5, relative = 1e-5;
};
template <>
struct bounds<double> {
  static constexpr double nats = 1e-10, relative = 1e-10;
};

template <class T>
void check_layouts(toy_model<T>& model, const std::vector<forest>& forests, candor::random_stream& random) {
  const auto single = model.run(forests, {.layout = layout_kind::single});
  for (const auto layout : {layout_kind::shared, layout_kind::packed, layout_kind::padded}) {
    INFO("layout " << static_cast<int>(layout));
    check_equal(single,
                model.run(forests, {.layout = layout, .max_tokens = candor_test::draw(random, 1, 300)}),
                bounds<T>::nats, bounds<T>::relative);
  }
}

template <class T>
void check_random_forests(bool two_way, bool three_axes, int rounds) {
  host cpu({.threads = 2});
  toy_model<T> model(cpu, three_axes);
  candor::random_stream random(23, (two_way ? 1u : 0u) + (three_axes ? 2u : 0u));
  for (int round = 0; round < rounds; ++round) {
    candor_test::forest_style style;
    style.two_way = two_way;
    style.three_axes = three_axes;
    std::vector<forest> forests;
    for (int i = 0; i < 5; ++i) forests.push_back(candor_test::random_forest(random, style));
    INFO("round " << round);
    check_layouts(model, forests, random);
  }
}

template <class T>
void check_wide_stem() {
  host cpu({.threads = 2});
  toy_model<T> model(cpu, false);
  candor::random_stream random(24, 0);
  candor_test::forest_style style;
  check_layouts(model, {candor_test::wide_forest(random, 70, 80, style)}, random);
}

/// Three answers, one of which goes on, under an image and two variants of it; some cells score other tokens
/// than the answer's.
forest forest_under_images(candor::random_stream& random) {
  const auto words = [&](std::int32_t n) {
    std::vector<std::int32_t> out;
    for (std::int32_t i = 0; i < n; ++i) out.push_back(candor_test::draw(random, 0, 49));
    return out;
  };
  forest plain;
  plain.key = random.next_double_word();
  plain.images = 1;
  plain.feature_rows = candor_test::draw(random, 1, 6);
  candor::segment stem{.tokens = words(candor_test::draw(random, 1, 4))};
  for (std::int32_t r = 0; r < plain.feature_rows; ++r) stem.tokens.push_back(candor::image_row(r));
  for (const auto w : words(candor_test::draw(random, 0, 3))) stem.tokens.push_back(w);
  plain.segments = {stem,
                    {.tokens = words(3), .parent = 0},
                    {.tokens = words(2), .parent = 0},
                    {.tokens = words(2), .parent = 2},
                    {.tokens = words(4), .parent = 0}};
  plain.cells = {{{1, {}}}, {{2, {}}, {3, {0.5f, 2.0f}}}, {{4, {1.0f, 0.0f, 1.0f, 3.0f}}}};
  candor::variant_forest stems(plain, 2);
  std::vector<candor::scored_path> cells;
  for (std::int32_t cell = 0; cell < 7; ++cell) {
    auto path = stems.path(candor_test::draw(random, 0, 2), cell % 3);
    if (cell % 2 == 1)
      path.back().targets = words(static_cast<std::int32_t>(
          stems.built().segments[static_cast<std::size_t>(path.back().segment)].tokens.size()));
    cells.push_back(std::move(path));
  }
  forest f = stems.take();
  f.cells = std::move(cells);
  return f;
}

template <class T>
void check_images() {
  host cpu({.threads = 2});
  toy_model<T> model(cpu, false);
  candor::random_stream random(26, 0);
  for (int round = 0; round < 4; ++round) {
    std::vector<forest> forests;
    for (int i = 0; i < 4; ++i) forests.push_back(forest_under_images(random));
    check_layouts(model, forests, random);
  }
}

}  // namespace

TEST_CASE("the four layouts of random forests agree in float", "[model][layouts]") {
  check_random_forests<float>(false, false, 6);
}
TEST_CASE("the four layouts of random forests agree in double", "[model][layouts]") {
  check_random_forests<double>(false, false, 6);
}
TEST_CASE("the four layouts agree with spans that see themselves both ways", "[model][layouts]") {
  check_random_forests<float>(true, false, 6);
  check_random_forests<double>(true, false, 6);
}
TEST_CASE("the four layouts agree with positions on three axes and two-way spans", "[model][layouts]") {
  check_random_forests<float>(true, true, 6);
  check_random_forests<double>(true, true, 6);
}
TEST_CASE("the four layouts agree with 80 branches on one stem", "[model][layouts]") {
  check_wide_stem<float>();
  check_wide_stem<double>();
}

TEST_CASE("the four layouts agree on answers under several images, and on other targets",
          "[model][layouts]") {
  check_images<float>();
  check_images<double>();
}

TEST_CASE("dropout drops the same inputs of a token in every layout", "[model][layouts][dropout]") {
  host cpu({.threads = 2});
  toy_model<double> model(cpu, false);
  model.add_adapters(0.3);
  candor::random_stream random(25, 0);
  candor_test::forest_style style;
  std::vector<forest> forests;
  for (int i = 0; i < 5; ++i) forests.push_back(candor_test::random_forest(random, style));
  const auto shared = model.run(forests, {.layout = layout_kind::shared}, true, 4);
  for (const auto layout : {layout_kind::packed, layout_kind::padded, layout_kind::single})
    check_equal(shared, model.run(forests, {.layout = layout, .max_tokens = 60}, true, 4), 1e-10, 1e-10);

  const auto changes = [&](const outcome& other) {
    double most = 0;
    for (const auto& [key, value] : shared.log_probs)
      most = std::max(most, std::abs(value - other.log_probs.at(key)));
    return most;
  };
  CHECK(changes(model.run(forests, {.layout = layout_kind::shared}, true, 5)) > 1e-2);   // another step
  CHECK(changes(model.run(forests, {.layout = layout_kind::shared}, false, 4)) > 1e-2);  // no dropout
  for (auto& f : forests) f.key += 1ull << 40;
  CHECK(changes(model.run(forests, {.layout = layout_kind::shared}, true, 4)) > 1e-2);  // other records
}
