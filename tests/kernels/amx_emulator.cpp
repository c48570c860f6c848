#include "kernels/amx_emulator.h"

#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/thread_pool.h"
#include "kernels/cpu_features.h"

namespace jamsu::kernels::test {
namespace {

struct Tiles {
  uint8_t rows[8] = {};
  uint16_t bytes[8] = {};
  uint8_t data[8][16][64] = {};
  bool configured = false;
};
thread_local Tiles tiles;
std::atomic<int64_t> products{0};

// A general register by its number in ModRM, SIB or VEX.
greg_t register_value(const ucontext_t& c, int number) {
  static constexpr int kOrder[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                     REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return c.uc_mcontext.gregs[kOrder[number]];
}

struct Instruction {
  int opcode = 0, prefix = 0;  // prefix: 0 none, 1 66, 2 F3, 3 F2
  int reg = 0, rm = 0, third = 0;
  bool memory = false;
  uint8_t* address = nullptr;  // base + displacement; for tile loads without the index
  int64_t stride = 0;          // index register << scale
  int64_t length = 0;
};

// C4 [R X B mmmmm] [W vvvv L pp] opcode ModRM [SIB] [disp]. False for anything that is no VEX.0F38 instruction.
bool decode(const uint8_t* code, const ucontext_t& c, Instruction& in) {
  if (code[0] != 0xC4 || (code[1] & 0x1F) != 2) return false;
  const int r = code[1] & 0x80 ? 0 : 8, x = code[1] & 0x40 ? 0 : 8, b = code[1] & 0x20 ? 0 : 8;
  in.third = (~code[2] >> 3) & 15;
  in.prefix = code[2] & 3;
  in.opcode = code[3];
  const uint8_t modrm = code[4];
  const int mod = modrm >> 6;
  in.reg = ((modrm >> 3) & 7) | r;
  in.rm = (modrm & 7) | b;
  const uint8_t* next = code + 5;
  if (mod == 3) {
    in.length = 5;
    return true;
  }
  in.memory = true;
  int64_t address = 0;
  if ((modrm & 7) == 4) {
    const uint8_t sib = *next++;
    const int index = ((sib >> 3) & 7) | x, base = (sib & 7) | b;
    if (index != 4) in.stride = register_value(c, index) << (sib >> 6);
    if ((sib & 7) == 5 && mod == 0) {
      int32_t d = 0;
      std::memcpy(&d, next, 4);
      next += 4;
      address = d;
    } else {
      address = register_value(c, base);
    }
  } else if (mod == 0 && (modrm & 7) == 5) {
    int32_t d = 0;
    std::memcpy(&d, next, 4);
    next += 4;
    address = reinterpret_cast<int64_t>(next) + d;  // relative to the end of the instruction
  } else {
    address = register_value(c, in.rm);
  }
  if (mod == 1) address += static_cast<int8_t>(*next++);
  if (mod == 2) {
    int32_t d = 0;
    std::memcpy(&d, next, 4);
    next += 4;
    address += d;
  }
  in.address = reinterpret_cast<uint8_t*>(address);
  in.length = next - code;
  return true;
}

float bf16(const uint8_t* p) {
  uint16_t h = 0;
  std::memcpy(&h, p, 2);
  const uint32_t u = static_cast<uint32_t>(h) << 16;
  float f = 0;
  std::memcpy(&f, &u, 4);
  return f;
}

// Signal handlers start with the default MXCSR; the CPU's own flushing is what the order was measured against.
void dot_product(int c, int a, int b) {
  const FlushScope flush;
  products.fetch_add(1, std::memory_order_relaxed);
  for (int m = 0; m < tiles.rows[c]; ++m)
    for (int n = 0; n < tiles.bytes[c] / 4; ++n) {
      float even = 0, odd = 0, acc = 0;
      for (int k = 0; k < tiles.bytes[a] / 4; ++k) {
        even = std::fma(bf16(tiles.data[a][m] + 4 * k), bf16(tiles.data[b][k] + 4 * n), even);
        odd = std::fma(bf16(tiles.data[a][m] + 4 * k + 2), bf16(tiles.data[b][k] + 4 * n + 2), odd);
      }
      std::memcpy(&acc, tiles.data[c][m] + 4 * n, 4);
      acc = acc + (even + odd);
      std::memcpy(tiles.data[c][m] + 4 * n, &acc, 4);
    }
}

void configure(const uint8_t* config) {
  tiles = {};
  tiles.configured = config[0] == 1;
  for (int t = 0; t < 8; ++t) {
    std::memcpy(&tiles.bytes[t], config + 16 + 2 * t, 2);
    tiles.rows[t] = config[48 + t];
    if (tiles.rows[t] > 16 || tiles.bytes[t] > 64) std::abort();  // a real CPU raises #GP
  }
}

bool execute(const Instruction& in) {
  if (in.opcode == 0x49) {
    if (in.memory && in.prefix == 0) return configure(in.address), true;
    if (!in.memory && in.prefix == 0) return tiles = {}, true;  // tilerelease
    if (!in.memory && in.prefix == 3)
      return std::memset(tiles.data[in.reg & 7], 0, sizeof tiles.data[0]), tiles.configured;
    return false;
  }
  if (!tiles.configured) return false;  // a real CPU raises #UD
  if (in.opcode == 0x4B && in.memory) {
    const int t = in.reg & 7;
    for (int row = 0; row < tiles.rows[t]; ++row) {
      uint8_t* p = in.address + row * in.stride;
      if (in.prefix == 2) {
        std::memcpy(p, tiles.data[t][row], tiles.bytes[t]);  // tilestored
      } else {
        std::memset(tiles.data[t][row], 0, 64);  // tileloadd, tileloaddt1
        std::memcpy(tiles.data[t][row], p, tiles.bytes[t]);
      }
    }
    return true;
  }
  if (in.opcode == 0x5C && !in.memory && in.prefix == 2) return dot_product(in.reg & 7, in.rm & 7, in.third & 7), true;
  return false;
}

void on_illegal_instruction(int, siginfo_t*, void* context) {
  auto& c = *static_cast<ucontext_t*>(context);
  Instruction in;
  if (!decode(reinterpret_cast<const uint8_t*>(c.uc_mcontext.gregs[REG_RIP]), c, in) || !execute(in)) {
    std::fprintf(stderr, "amx emulator: not a tile instruction it knows\n");
    std::abort();
  }
  c.uc_mcontext.gregs[REG_RIP] += in.length;
}

}  // namespace

bool emulate_amx_where_missing() {
  if (request_amx() == Amx::usable) return false;
  struct sigaction action {};
  action.sa_sigaction = on_illegal_instruction;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGILL, &action, nullptr);
  return true;
}

int64_t emulated_tile_products() {
  return products.load(std::memory_order_relaxed);
}

}  // namespace jamsu::kernels::test
