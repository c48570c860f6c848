#include "apps/message_reader.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cwchar>
#include <iostream>
#include <string_view>

#include "apps/signals.h"

namespace jamsu::apps {
namespace {

constexpr std::string_view kFence = "\"\"\"";
constexpr std::wstring_view kPasteEnds = L"\033[201~";
constexpr int kHistory = 200;

const char* prompt = "> ";
const char* prompt_text(EditLine*) {
  return prompt;
}

volatile std::sig_atomic_t resized = 0;
void on_resize(int) {
  resized = 1;
}

// libedit's own reading tries again after a signal; this one ends the line.
int read_character(EditLine* edit, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    // A signal between the prompt and read() would leave read() waiting, and any thread may take it:
    // so look again and again.
    if (noted_signal() != 0) return -1;
    if (resized != 0) {
      resized = 0;
      el_resize(edit);
      el_set(edit, EL_REFRESH);
    }
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, 50) <= 0) continue;
    char byte = 0;
    const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
    if (n == 0) return 0;
    if (n < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    const size_t length = std::mbrtowc(character, &byte, 1, &state);
    if (length == static_cast<size_t>(-1)) state = {};  // not UTF-8: passed over
    if (length <= 1) return 1;
  }
}

// ESC[200~ was typed: all up to ESC[201~ is text, its line ends too.
unsigned char take_paste(EditLine* edit, int) {
  std::wstring text;
  for (wchar_t c = 0; !text.ends_with(kPasteEnds);) {
    const int came = read_character(edit, &c);
    if (came <= 0) return came == 0 ? CC_EOF : CC_ERROR;
    if (c != 0) text += c;
  }
  text.resize(text.size() - kPasteEnds.size());
  std::wstring lines;
  const auto ends_line = [](wchar_t c) { return c == L'\r' || c == L'\n'; };
  for (size_t i = 0; i < text.size(); ++i) {
    lines += ends_line(text[i]) ? L'\n' : text[i];
    // Two that differ are one line end; libedit has the terminal exchange them.
    if (ends_line(text[i]) && i + 1 < text.size() && ends_line(text[i + 1]) && text[i + 1] != text[i]) ++i;
  }
  if (!lines.empty()) el_winsertstr(edit, lines.c_str());
  return CC_REFRESH;
}

unsigned char insert_line_end(EditLine* edit, int) {
  el_winsertstr(edit, L"\n");
  return CC_REFRESH;
}

void drop_line_ends(std::string& text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
}

// Where the """ stands that ends the text, blanks behind it apart; npos: nowhere.
size_t closing_fence(std::string_view text) {
  text = text.substr(0, text.find_last_not_of(" \t") + 1);
  return text.ends_with(kFence) ? text.size() - kFence.size() : std::string::npos;
}

}  // namespace

MessageReader::MessageReader(bool codes)
    : terminal_(isatty(STDIN_FILENO) == 1), marks_pastes_(terminal_ && codes && isatty(STDOUT_FILENO) == 1) {
  if (!terminal_) return;
  if (!std::setlocale(LC_CTYPE, "C.UTF-8")) std::setlocale(LC_CTYPE, "");
  edit_ = el_init("jamsu", stdin, stdout, stderr);
  history_ = history_init();
  HistEvent event;
  history(history_, &event, H_SETSIZE, kHistory);
  el_set(edit_, EL_PROMPT, prompt_text);
  el_set(edit_, EL_EDITOR, "emacs");
  el_set(edit_, EL_HIST, history, history_);
  el_set(edit_, EL_SIGNAL, 0);
  el_set(edit_, EL_GETCFN, read_character);
  // Wide: of narrow names el_set keeps copies that nothing frees.
  el_wset(edit_, EL_ADDFN, L"jamsu-paste", L"takes a paste of several lines", take_paste);
  el_wset(edit_, EL_ADDFN, L"jamsu-line-end", L"goes on in another line", insert_line_end);
  el_set(edit_, EL_BIND, "\\e[200~", "jamsu-paste", nullptr);
  el_set(edit_, EL_BIND, "\\e\\r", "jamsu-line-end", nullptr);
  el_set(edit_, EL_BIND, "\\e\\n", "jamsu-line-end", nullptr);
  struct sigaction action {};
  action.sa_handler = on_resize;
  action.sa_flags = SA_RESTART;
  sigaction(SIGWINCH, &action, nullptr);
}

MessageReader::~MessageReader() {
  if (edit_) el_end(edit_);
  if (history_) history_end(history_);
}

std::optional<std::string> MessageReader::edited_line(const char* shown) {
  forget_ctrl_c();
  prompt = shown;
  if (marks_pastes_) std::fputs("\033[?2004h", stdout);
  // libedit leaves the line mode of the terminal only after it has shown the prompt:
  // a Ctrl-D typed in between is lost.
  el_set(edit_, EL_PREP_TERM, 1);
  el_resize(edit_);
  int count = 0;
  const char* typed = el_gets(edit_, &count);
  std::optional<std::string> text;
  if (typed && count > 0) {
    HistEvent event;
    text.emplace(typed, static_cast<size_t>(count));
    drop_line_ends(*text);
    if (!text->empty()) history(history_, &event, H_ENTER, typed);
  }
  if (marks_pastes_) std::fputs("\033[?2004l", stdout);
  if (!text) std::fputs("\n", stdout);
  std::fflush(stdout);
  return text;
}

std::optional<std::string> MessageReader::line(const char* shown) {
  if (terminal_) return edited_line(shown);
  std::string text;
  if (noted_signal() != 0 || !std::getline(std::cin, text)) return std::nullopt;
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

// The lines up to one that ends with """; `ended`: Ctrl-C came, or the input was at its end (what there is counts then).
std::string MessageReader::block(std::string text, bool& ended) {
  size_t end = closing_fence(text);
  while (end == std::string::npos) {
    const auto more = line("... ");
    ended = !more;
    if (ended) break;
    text += "\n" + *more;
    end = closing_fence(text);
  }
  if (end != std::string::npos) text.resize(end);
  if (text.starts_with('\n')) text.erase(0, 1);
  drop_line_ends(text);
  return text;
}

std::optional<TypedMessage> MessageReader::read() {
  auto first = line("> ");
  bool ended = !first;
  TypedMessage message;
  if (first && first->starts_with(kFence)) {
    message.text = block(first->substr(kFence.size()), ended);
  } else if (first) {
    message.text = std::move(*first);
    message.command = message.text.starts_with('/') && message.text.find('\n') == std::string::npos;
  }
  if (!ended) return message;
  if (terminal_ && noted_signal() == SIGINT) return TypedMessage{};
  if (message.text.empty() || noted_signal() != 0) return std::nullopt;
  return message;
}

QuietKeys::QuietKeys(bool terminal) {
  termios now{};
  if (!terminal || ::tcgetattr(STDIN_FILENO, &now) != 0) return;
  before_ = now;
  now.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON);  // ISIG stays
  now.c_cc[VMIN] = 1;
  now.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
}

QuietKeys::~QuietKeys() {
  if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

}  // namespace jamsu::apps
