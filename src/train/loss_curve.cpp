// The loss curve: plain SVG, no scripts, readable on light and dark pages.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "train/metrics.h"

namespace jamsu::train {
namespace {

constexpr std::array<const char*, 5> kColours = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b"};
constexpr size_t kMaxPoints = 600;  // more than the pixels of the width shows nothing
constexpr size_t kMaxMarked = 60;   // more run into each other

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // (step, mean)
};

Series series_of(std::span<const MetricPoint> points, const std::string& name) {
  std::vector<std::pair<double, double>> all;
  for (const MetricPoint& p : points)
    if (const double* v = p.find(name); v && std::isfinite(*v)) all.emplace_back(static_cast<double>(p.step), *v);
  const size_t group = (all.size() + kMaxPoints - 1) / kMaxPoints;
  Series s{name, {}};
  for (size_t begin = 0; begin < all.size(); begin += group) {
    const size_t end = std::min(begin + group, all.size());
    double x = 0, y = 0;
    for (size_t i = begin; i < end; ++i) {
      x += all[i].first;
      y += all[i].second;
    }
    s.points.emplace_back(x / static_cast<double>(end - begin), y / static_cast<double>(end - begin));
  }
  return s;
}

// 1, 2 or 5 times a power of ten, about `wanted` of them in `range`. Only a picture: libm is welcome here.
double tick_step(double range, int wanted) {
  const double rough = range / wanted, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (rough <= factor * power) return factor * power;
  return 10 * power;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string loss_curve_svg(std::span<const MetricPoint> points, const CurveOptions& options) {
  std::vector<Series> all;
  double x0 = 0, x1 = 1, y0 = HUGE_VAL, y1 = -HUGE_VAL;
  for (const std::string& name : options.values) {
    Series series = series_of(points, name);
    if (series.points.empty()) continue;
    all.push_back(std::move(series));
    for (const auto& [x, y] : all.back().points) {
      x1 = std::max(x1, x);
      y0 = std::min(y0, y);
      y1 = std::max(y1, y);
    }
  }
  if (!(y0 <= y1)) y0 = 0, y1 = 1;
  if (y1 - y0 < 1e-9) y0 -= 0.5, y1 += 0.5;
  const double y_step = tick_step(y1 - y0, 6), x_step = tick_step(x1 - x0, 8);
  y0 = std::floor(y0 / y_step) * y_step;
  y1 = std::ceil(y1 / y_step) * y_step;

  const double left = 64, right = options.width - 16.0, top = 44, bottom = options.height - 40.0;
  const auto px = [&](double x) { return left + (x - x0) / (x1 - x0) * (right - left); };
  const auto py = [&](double y) { return bottom - (y - y0) / (y1 - y0) * (bottom - top); };
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n<text x=\"{2}\" y=\"24\" font-size=\"15\" "
      "fill=\"#222222\">{3}</text>\n",
      options.width, options.height, left, escaped(options.title));
  for (double y = y0; y <= y1 + y_step / 2; y += y_step)
    out += fmt::format(
        "<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"#dddddd\"/><text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" "
        "fill=\"#555555\">{:.6g}</text>\n",
        left, py(y), right, left - 8, py(y) + 4, std::abs(y) < y_step / 1e6 ? 0.0 : y);
  for (double x = x0; x <= x1; x += x_step)
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" fill=\"#555555\">{:.12g}</text>\n",
                       px(x), bottom + 18, x);
  out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" fill=\"#555555\">step</text>\n", right,
                     bottom + 34);
  for (size_t i = 0; i < all.size(); ++i) {
    const char* colour = kColours[i % kColours.size()];
    std::string path;
    for (const auto& [x, y] : all[i].points)
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", px(x), py(y));
    out += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"/>\n", path, colour);
    if (all[i].points.size() <= kMaxMarked)
      for (const auto& [x, y] : all[i].points)
        out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"{}\"/>\n", px(x), py(y), colour);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" fill=\"{}\">{}</text>\n", right - 4,
                       top + 14 + 16.0 * static_cast<double>(i), colour, escaped(all[i].name));
  }
  return out + "</svg>\n";
}

}  // namespace jamsu::train
