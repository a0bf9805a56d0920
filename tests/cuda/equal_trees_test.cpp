// SPDX-License-Identifier: Apache-2.0
// Which layouts go to a library for equally long sequences.
#include "support/catch.hpp"

#include <candor/backend/cuda/equal_trees.hpp>

using candor::attention_layout;
using candor::device::equal_trees_of;

TEST_CASE("images of the tower are equal trees, and nothing else is", "[cuda][attention]") {
  for (const std::int64_t count : {1, 2, 7})
    for (const std::int64_t length : {1, 2, 577}) {
      const auto found = equal_trees_of(attention_layout::full(count, length));
      CHECK(found.count == count);
      CHECK(found.length == length);
    }
  const auto other = [](const attention_layout& layout) { return equal_trees_of(layout).count == 0; };
  CHECK(other({}));
  CHECK(other(attention_layout::full(0, 5)));
  CHECK(other(attention_layout::full(3, 0)));
  auto layout = attention_layout::full(2, 3);
  layout.reach[1] = 1;  // sees nobody behind itself
  CHECK(other(layout));
  layout = attention_layout::full(2, 3);
  layout.visible_until[4] = 5;
  CHECK(other(layout));
  layout = attention_layout::full(2, 3);
  layout.trees = {0, 3, 4, 6};  // as many trees as its tokens would not fill
  CHECK(other(layout));
  layout = {{1, 1, 4, 4, 4, 5}, {2, 2, 5, 5, 5, 6}, {0, 2, 5, 6}};  // see themselves, but differ in length
  CHECK(other(layout));
}
