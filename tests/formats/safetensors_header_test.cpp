// Every malformed kind of header, and what its error says.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "base/rng.h"
#include "formats/safetensors.h"

namespace jamsu::formats {
namespace {

std::vector<std::byte> file_of(const std::string& header, size_t data_bytes) {
  std::vector<std::byte> bytes(8 + header.size() + data_bytes);
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

// Padded to a multiple of 8 as the official writer does.
std::vector<std::byte> padded(std::string header, size_t data_bytes) {
  header.append((8 - header.size() % 8) % 8, ' ');
  return file_of(header, data_bytes);
}

std::string error_of(const std::vector<std::byte>& bytes) {
  const auto r = parse_safetensors(bytes, "x.safetensors");
  return r ? "" : r.error().message;
}

const char* const kGood = R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                          R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})";

TEST(safetensors_header, reads_what_is_there) {
  const auto bytes = padded(kGood, 32);
  const auto r = parse_safetensors(bytes, "x.safetensors");
  ASSERT_TRUE(r.ok()) << r.error().message;
  ASSERT_EQ(r->tensors.size(), 2u);
  EXPECT_EQ(r->tensors[0].name, "a");
  EXPECT_EQ(r->tensors[0].shape, (Shape{2, 3}));
  EXPECT_EQ(r->tensors[0].offset + 24, r->tensors[1].offset);
  EXPECT_EQ(r->tensors[1].dtype, DType::bf16);
  EXPECT_EQ(r->metadata.at("format"), "pt");
}

TEST(safetensors_header, empty_tensors_and_scalars_are_legal) {
  EXPECT_EQ(
      error_of(padded(
          R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"z":{"dtype":"F32","shape":[0,5],"data_offsets":[4,4]}})",
          4)),
      "");
  EXPECT_EQ(error_of(padded("{}", 0)), "");
}

TEST(safetensors_header, every_dtype_may_lie_in_a_file) {
  for (int d = 0; d < kDTypes; ++d) {
    const auto dtype = static_cast<DType>(d);
    const auto bytes = static_cast<size_t>(dtype_bits(dtype));  // of 8 values
    const std::string header = R"({"a":{"dtype":")" + std::string(dtype_name(dtype)) +
                               R"(","shape":[2,4],"data_offsets":[0,)" + std::to_string(bytes) + "]}}";
    const auto file = padded(header, bytes);
    const auto r = parse_safetensors(file, "x");
    ASSERT_TRUE(r.ok()) << r.error().message;
    EXPECT_EQ(r->tensors[0].dtype, dtype);
    EXPECT_EQ(r->tensors[0].bytes, static_cast<int64_t>(bytes));
  }
}

// What other writers do: no padding, other orders, nothing or null for metadata, spaces, large headers.
TEST(safetensors_header, other_writers_files_are_read) {
  const std::string tensors = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  for (const std::string& header :
       {"{" + tensors + "}", R"({"__metadata__":null,)" + tensors + "}", R"({"__metadata__":{},)" + tensors + "}",
        "{" + tensors + R"(,"__metadata__":{"format":"pt"}})", "{ " + tensors + " }\n\n  ",
        std::string(R"({"a":{"data_offsets":[0,8],"shape":[2],"dtype":"F32"}})")})
    EXPECT_EQ(error_of(file_of(header, 8)), "") << header;
  // A U8 in front, so that an F32 begins at an odd byte; and the later one first.
  const auto odd = file_of(
      R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
      9);
  const auto r = parse_safetensors(odd, "x");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->tensors[0].name, "a");
  std::string many = "{";
  for (int i = 0; i < 20'000; ++i)
    many += (i ? ",\"t" : "\"t") + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  const auto large = parse_safetensors(file_of(many + "}", 0), "x");
  ASSERT_TRUE(large.ok()) << large.error().message;
  EXPECT_EQ(large->tensors.size(), 20'000u);
}

struct Bad {
  const char* header;
  size_t data;
  const char* says;  // part of the error
};

TEST(safetensors_header, every_malformed_kind_is_named) {
  const Bad cases[] = {
      // offsets
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[12,28]}})",
       28, R"(tensor "b": data_offsets [12, 28] overlap those of "a")"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
       16, R"(tensor "b": data_offsets [0, 16] overlap those of "a")"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}})",
       20, R"(tensor "b": data_offsets [12, 20] leave a hole of 4 bytes before them)"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", 16,
       R"(tensor "a": data_offsets [8, 16] leave a hole of 8 bytes)"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 12, "the last 4 bytes (from byte"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7,
       R"(tensor "a": data_offsets [0, 8] end beyond the data (7 bytes). The file is cut short)"},
      {R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2,
       R"(tensor "a": [3] values of F4 (4 bits each) do not fill whole bytes)"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8,
       R"(tensor "a": data_offsets [8, 0] end before they begin)"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", 8,
       "data_offsets [-8,0] holds something else than whole numbers"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0.0,8]}})", 8, "holds something else than whole numbers"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8,
       "holds something else than whole numbers"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}})", 8, "end beyond the data"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999999999]}})", 8,
       "holds something else than whole numbers"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}})", 8, "data_offsets is no list of two numbers"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":8}})", 8, "data_offsets is no list of two numbers"},
      // shape and dtype
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
       "data_offsets [0, 8] span 8 bytes where F32 of shape [3] has 12"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0, "is larger than any memory"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}})", 0,
       "is larger than any memory"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}})", 0,
       "shape [-1] holds something else than whole numbers"},
      {R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4, "shape has 9 axes, more than 8"},
      {R"({"a":{"dtype":"F32","shape":"2","data_offsets":[0,8]}})", 8, "shape is no list"},
      {R"({"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", 8,
       R"(tensor "a": dtype "F33" is none of F32, F16, BF16)"},
      {R"({"a":{"dtype":3,"shape":[2],"data_offsets":[0,8]}})", 8, "dtype 3 is no string"},
      // fields
      {R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8, R"(tensor "a": dtype is missing)"},
      {R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", 8, "shape is missing"},
      {R"({"a":{"dtype":"F32","shape":[2]}})", 8, "data_offsets is missing"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8, R"("x" is no field of a tensor)"},
      {R"({"a":[]})", 0, R"(tensor "a": is no object)"},
      {R"({"__metadata__":{"format":1}})", 0, R"(__metadata__ "format" is no string)"},
      {R"({"__metadata__":[]})", 0, "__metadata__ is no object"},
      // names
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
       16, R"(key "a" stands twice)"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\u0061":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
       16, R"(key "a" stands twice)"},
      {R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8, R"(key "dtype" stands twice)"},
      {R"({"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
       16, R"(key "" stands twice)"},
      // JSON itself
      {"{\"a\xFF\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "byte 3: syntax error"},
      {R"({"a":{"dtype":"F32","shape":[[[[[2]]]]],"data_offsets":[0,8]}})", 8, "too deep"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x)", 8, "follows the JSON value"},
      {R"({"a":)", 0, "incomplete"},
      {R"([1])", 0, "does not begin with '{'"},
      {R"( {})", 0, "does not begin with '{'"},
  };
  for (const Bad& bad : cases) {
    const std::string error = error_of(padded(bad.header, bad.data));
    EXPECT_NE(error.find(bad.says), std::string::npos)
        << bad.header << "\n  says: " << error << "\n  want: " << bad.says;
    EXPECT_EQ(error.rfind("x.safetensors: ", 0), 0u) << error;
  }
}

// The official reader takes it; whoever reads the values copies them first (Tensor::aligned_copy).
TEST(safetensors_header, a_header_without_padding_misaligns_its_tensors_and_is_read) {
  const std::string header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} )";
  ASSERT_NE(header.size() % 4, 0u);
  const auto file = file_of(header, 4);
  const auto r = parse_safetensors(file, "x");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_NE(r->tensors[0].offset % 4, 0);
}

TEST(safetensors_header, a_length_that_lies) {
  auto bytes = padded(kGood, 32);
  const auto with_length = [&](uint64_t length) {
    std::memcpy(bytes.data(), &length, 8);
    return error_of(bytes);
  };
  EXPECT_NE(with_length(bytes.size() - 7).find("goes beyond the end of the file"), std::string::npos);
  EXPECT_NE(with_length(100'000'000).find("goes beyond the end of the file"), std::string::npos);
  EXPECT_NE(with_length(100'000'001).find("is more than 100000000"), std::string::npos);
  EXPECT_NE(with_length(UINT64_MAX).find("is more than 100000000"), std::string::npos);
  EXPECT_NE(with_length(0).find("does not begin with '{'"), std::string::npos);
  // Any other length cuts the header, or takes data for header.
  const size_t right = std::strlen(kGood) + (8 - std::strlen(kGood) % 8) % 8;
  for (uint64_t length = 0; length < bytes.size(); ++length)
    if (length != right) {
      EXPECT_NE(with_length(length), "") << length;
    }
  EXPECT_EQ(with_length(right), "");
}

TEST(safetensors_header, cut_at_every_byte) {
  const auto bytes = padded(kGood, 32);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(error_of({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)}), "") << size;
}

// 10,000 seeded mutations: an error, or tensors inside the bytes. (ASan+UBSan in CI says the rest.)
TEST(safetensors_header, mutations_never_lead_outside) {
  const auto good = padded(kGood, 32);
  int taken = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    RandomStream random(11, i, Purpose::mutation);
    auto bytes = good;
    for (uint32_t edits = 1 + random.below(4); edits > 0; --edits) {
      const auto at = static_cast<ptrdiff_t>(random.below(static_cast<uint32_t>(bytes.size())));
      switch (random.below(4)) {
        case 0:
          bytes[static_cast<size_t>(at)] = static_cast<std::byte>(random.below(256));
          break;
        case 1:
          bytes[static_cast<size_t>(at)] = static_cast<std::byte>("0123456789{}[]\",:-eE."[random.below(21)]);
          break;
        case 2:
          bytes.erase(bytes.begin() + at);
          break;
        default:
          bytes.insert(bytes.begin() + at, static_cast<std::byte>('0' + random.below(10)));
          break;
      }
      if (bytes.empty()) bytes.push_back(std::byte{0});
    }
    const auto r = parse_safetensors(bytes, "x");
    if (!r) continue;
    ++taken;
    for (const TensorInfo& t : r->tensors) {
      EXPECT_GE(t.offset, 8);
      EXPECT_LE(t.offset + t.bytes, static_cast<int64_t>(bytes.size()));
      EXPECT_EQ(t.bytes * 8, t.shape.elements() * dtype_bits(t.dtype));
    }
  }
  EXPECT_GT(taken, 100);  // otherwise the mutations test nothing beyond the first check
  EXPECT_LT(taken, 9'000);
}

}  // namespace
}  // namespace jamsu::formats
