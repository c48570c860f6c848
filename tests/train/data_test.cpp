// Packing, labels, order and exact continuation of the data stream.
#include "train/data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "base/rng.h"

namespace jamsu::train {
namespace {

Document document(std::vector<int32_t> ids, std::vector<uint8_t> learned = {}) {
  if (learned.empty()) learned.assign(ids.size(), 1);
  return {std::move(ids), std::move(learned)};
}

// Endless samples of 5-60 tokens whose ids say where they come from: index * 100 + offset.
class Generated : public DocumentSource {
 public:
  explicit Generated(uint32_t longest = 60) : longest_(longest) {}
  uint64_t size() const override { return 0; }
  Result<Document> at(uint64_t index) const override {
    RandomStream random(3, index, Purpose::test);
    Document d;
    const auto n = static_cast<int32_t>(5 + random.below(longest_ - 4));
    for (int32_t i = 0; i < n; ++i) {
      d.ids.push_back(static_cast<int32_t>(index) * 100 + i % 100);
      d.learned.push_back(i >= n / 2);
    }
    return d;
  }

 private:
  uint32_t longest_;
};

Dataset make(std::vector<WeightedSource> sources, const DataOptions& options) {
  auto d = Dataset::create(std::move(sources), options);
  EXPECT_TRUE(d.ok()) << d.error().message;
  return std::move(*d);
}

TEST(data, the_order_is_a_permutation_of_every_epoch) {
  for (const uint64_t size : {1u, 2u, 3u, 5u, 16u, 17u, 1000u, 1025u}) {
    std::set<uint64_t> seen;
    int in_place = 0;
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t at = shuffled(i, size, 9, 4);
      EXPECT_LT(at, size);
      seen.insert(at);
      in_place += at == i;
    }
    EXPECT_EQ(seen.size(), size);
    if (size >= 1000) {
      EXPECT_LT(in_place, 10) << size;  // expected: 1
    }
  }
  int same = 0;
  for (uint64_t i = 0; i < 1000; ++i) same += shuffled(i, 1000, 9, 4) == shuffled(i, 1000, 9, 5);
  EXPECT_LT(same, 10);
}

TEST(data, labels_with_document_mask) {
  // Documents of 3 and 2 tokens in a row of 7;
  // the first token of the second document is learned, but nobody can predict it.
  auto source = std::make_shared<ListSource>(std::vector<Document>{document({1, 2, 3}, {0, 1, 1})}, 7);
  auto dataset = make({{source, 1, "list"}}, {.context = 7, .rows = 1, .document_mask = true});
  auto b = dataset.next();
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(b->rows.ids, (std::vector<int32_t>{1, 2, 3, 1, 2, 3, 0}));
  EXPECT_EQ(b->rows.doc_ids, (std::vector<int32_t>{0, 0, 0, 1, 1, 1, -1}));
  EXPECT_EQ(b->rows.labels, (std::vector<int32_t>{2, 3, -100, 2, 3, -100, -100}));
  EXPECT_EQ(b->rows.mtp_labels, (std::vector<int32_t>{3, -100, -100, 3, -100, -100, -100}));
  EXPECT_EQ(b->positions, (std::vector<int32_t>{0, 1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(b->tokens, 6);
  EXPECT_EQ(b->learned, 4);
}

TEST(data, labels_without_document_mask) {
  auto source = std::make_shared<ListSource>(std::vector<Document>{document({1, 2, 3}, {1, 0, 1})}, 7);
  auto dataset = make({{source, 1, "list"}}, {.context = 7, .rows = 1, .document_mask = false});
  auto b = dataset.next();
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(b->rows.labels, (std::vector<int32_t>{-100, 3, 1, -100, 3, -100, -100}));
  EXPECT_EQ(b->rows.mtp_labels, (std::vector<int32_t>{3, 1, -100, 3, -100, -100, -100}));
  EXPECT_EQ(b->positions, (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 0}));
}

// The rules of golden/training written a second time, plainly.
void check_batch(const PackedBatch& b, bool document_mask) {
  const auto width = static_cast<size_t>(b.rows.width);
  for (size_t r = 0; r < static_cast<size_t>(b.rows.rows); ++r)
    for (size_t t = 0; t < width; ++t) {
      const size_t i = r * width + t;
      const bool next = t + 1 < width && b.rows.doc_ids[i] >= 0 && b.rows.doc_ids[i + 1] >= 0 &&
                        (!document_mask || b.rows.doc_ids[i + 1] == b.rows.doc_ids[i]);
      if (!next) {
        EXPECT_EQ(b.rows.labels[i], -100);
        EXPECT_EQ(b.rows.mtp_labels[i], -100);
      } else {
        EXPECT_TRUE(b.rows.labels[i] == -100 || b.rows.labels[i] == b.rows.ids[i + 1]);
        EXPECT_EQ(b.rows.mtp_labels[i], b.rows.labels[i + 1]);
      }
    }
}

TEST(data, every_sample_arrives_whole_and_once) {
  const DataOptions options{.context = 64, .rows = 4, .document_mask = true, .seed = 5};
  const Generated source;
  auto dataset = make({{std::make_shared<Generated>(), 1, "generated"}}, options);
  std::map<uint64_t, int> seen;
  int64_t tokens = 0;
  const int batches = 50;
  for (int n = 0; n < batches; ++n) {
    auto b = dataset.next();
    ASSERT_TRUE(b.ok());
    check_batch(*b, true);
    tokens += b->tokens;
    for (size_t d = 0; d < b->places.size(); ++d) {
      ++seen[b->places[d]];
      std::vector<int32_t> ids;
      for (size_t i = 0; i < b->rows.ids.size(); ++i)
        if (b->rows.doc_ids[i] == static_cast<int32_t>(d)) ids.push_back(b->rows.ids[i]);
      EXPECT_EQ(ids, dataset.document(b->places[d])->ids);
    }
  }
  for (const uint64_t place : dataset.state().waiting) ++seen[place];
  ASSERT_EQ(seen.size(), dataset.state().next);
  for (const auto& [place, count] : seen) EXPECT_EQ(count, 1) << place;
  const double fill = static_cast<double>(tokens) / (64.0 * 4 * batches);
  EXPECT_GT(fill, 0.93);
  RecordProperty("fill_percent", static_cast<int>(100 * fill));
}

TEST(data, restored_in_the_middle_it_continues_with_the_same_batches) {
  const DataOptions options{.context = 64, .rows = 3, .document_mask = false, .seed = 8};
  const auto sources = [&] {
    std::vector<Document> list;
    for (int32_t i = 0; i < 11; ++i)
      list.push_back(document(std::vector<int32_t>(static_cast<size_t>(3 + i * 4), 100'000 + i)));
    return std::vector<WeightedSource>{{std::make_shared<Generated>(), 3, "generated"},
                                       {std::make_shared<ListSource>(list, 64), 2, "list"}};
  };
  auto straight = make(sources(), options);
  std::vector<PackedBatch> batches;
  for (int n = 0; n < 20; ++n) batches.push_back(*straight.next());
  for (const size_t stop : {size_t{0}, size_t{1}, size_t{7}, size_t{18}}) {
    // Through JSON, as a checkpoint does it.
    const auto text = boost::json::serialize(to_json(batches[stop].after));
    auto state = data_state_from_json(boost::json::parse(text), "state.json");
    ASSERT_TRUE(state.ok()) << state.error().message;
    EXPECT_EQ(*state, batches[stop].after);
    auto resumed = make(sources(), options);
    ASSERT_TRUE(resumed.restore(*state).ok());
    for (size_t n = stop + 1; n < batches.size(); ++n) {
      auto b = resumed.next();
      ASSERT_TRUE(b.ok());
      EXPECT_EQ(b->rows.ids, batches[n].rows.ids);
      EXPECT_EQ(b->rows.labels, batches[n].rows.labels);
      EXPECT_EQ(b->rows.doc_ids, batches[n].rows.doc_ids);
      EXPECT_EQ(b->places, batches[n].places);
      EXPECT_EQ(b->after, batches[n].after);
    }
  }
  EXPECT_FALSE(batches[5].after.waiting.empty());  // otherwise the leftovers are not tested
}

TEST(data, weights_hold_exactly_in_every_block_and_epochs_repeat_nothing) {
  std::vector<Document> list;
  for (int32_t i = 0; i < 10; ++i) list.push_back(document({1000 + i, 1}));
  auto dataset =
      make({{std::make_shared<Generated>(), 3, "generated"}, {std::make_shared<ListSource>(list, 64), 2, "list"}},
           {.context = 64, .rows = 1, .seed = 2});
  std::map<int32_t, int> listed;
  for (uint64_t block = 0; block < 10; ++block) {
    int from_list = 0;
    for (uint64_t place = block * 5; place < block * 5 + 5; ++place)
      if (dataset.source_name(place) == "list") {
        ++from_list;
        ++listed[dataset.document(place)->ids[0]];
      }
    EXPECT_EQ(from_list, 2);
  }
  ASSERT_EQ(listed.size(), 10u);  // 20 places: two epochs of 10
  for (const auto& [id, count] : listed) EXPECT_EQ(count, 2) << id;
}

TEST(data, running_text_is_cut_and_every_target_is_learned_once) {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 23; ++i) ids.push_back(i);
  Document text = document(ids);
  text.may_cut = true;
  for (const int64_t context : {2, 5, 6, 11, 12, 22, 23, 24}) {
    const ListSource source({text}, context);
    auto dataset = make({{std::make_shared<ListSource>(std::vector<Document>{text}, context), 1, "text"}},
                        {.context = context, .rows = 1});
    std::multiset<int32_t> targets;
    for (uint64_t i = 0; i < source.size(); ++i) {
      const auto piece = source.at(i);
      EXPECT_LE(static_cast<int64_t>(piece->ids.size()), context);
      EXPECT_GE(piece->ids.size(), 2u);
      for (size_t t = 1; t < piece->ids.size(); ++t)
        if (piece->learned[t]) targets.insert(piece->ids[t]);
    }
    EXPECT_EQ(targets.size(), 22u) << context;
    for (int32_t i = 1; i < 23; ++i) EXPECT_EQ(targets.count(i), 1u) << "token " << i << " context " << context;
  }
}

TEST(data, samples_longer_than_the_context) {
  // Of a list: an error that says which.
  auto list = std::make_shared<ListSource>(std::vector<Document>{document({1, 2}), document({1, 2, 3, 4, 5})}, 4);
  auto d = Dataset::create({{list, 1, "chats.jsonl"}}, {.context = 4, .rows = 1});
  ASSERT_FALSE(d.ok());
  EXPECT_EQ(d.error().message,
            "data: chats.jsonl: document 1 has 5 tokens, more than the context of 4; a sample is never truncated.");
  // Generated: left out and counted.
  auto dataset = make({{std::make_shared<Generated>(), 1, "generated"}}, {.context = 40, .rows = 4});
  uint64_t skipped = 0;
  for (int n = 0; n < 5; ++n) {
    auto b = dataset.next();
    ASSERT_TRUE(b.ok());
    for (const uint64_t place : b->skipped_places) EXPECT_GT(dataset.document(place)->ids.size(), 40u);
    skipped += b->skipped_places.size();
  }
  EXPECT_GT(skipped, 0u);
  EXPECT_EQ(dataset.state().skipped, skipped);
  // None fits: an error, not an endless loop.
  auto none = make({{std::make_shared<Generated>(), 1, "generated"}}, {.context = 4, .rows = 1});
  EXPECT_EQ(none.next().error().message,
            "data: generated: 10000 samples in a row are longer than the context of 4 tokens.");
}

TEST(data, slices_are_rows) {
  auto dataset = make({{std::make_shared<Generated>(), 1, "generated"}}, {.context = 64, .rows = 4});
  const auto b = *dataset.next();
  const DataRows part = slice(b.rows, 1, 3);
  EXPECT_EQ(part.rows, 2);
  EXPECT_TRUE(std::equal(part.ids.begin(), part.ids.end(), b.rows.ids.begin() + 64));
  EXPECT_EQ(part.mtp_labels.size(), 128u);
}

TEST(data, a_state_that_lies_is_refused) {
  const auto error = [](const char* text) {
    return data_state_from_json(boost::json::parse(text), "state.json").error().message;
  };
  EXPECT_EQ(error(R"([])"), "state.json: \"data\" is no object.");
  EXPECT_EQ(error(R"({"next":-1,"waiting":[],"skipped":0})"), "state.json: \"data.next\" is no whole number.");
  EXPECT_EQ(error(R"({"next":1,"waiting":[1],"skipped":0})"),
            "state.json: \"data.waiting\" holds something else than places before \"next\".");
  EXPECT_EQ(error(R"({"next":1,"skipped":0})"), "state.json: \"data.waiting\" is no list.");
}

TEST(data, described_with_tokens_and_mask) {
  auto source = std::make_shared<ListSource>(std::vector<Document>{document({1, 2, 3}, {0, 0, 1})}, 4);
  auto dataset = make({{source, 1, "list"}}, {.context = 4, .rows = 1});
  const auto text =
      describe(*dataset.next(), [](int32_t id) { return id == 3 ? std::string("\n") : std::to_string(id); });
  EXPECT_EQ(text,
            "row 0, tokens 0-2: document 0, 3 tokens, 1 learned\n  context  |1|2|\n  learned  |⏎|\nrow 0: 3 of 4 "
            "tokens, 1 padding\n");
}

}  // namespace
}  // namespace jamsu::train
