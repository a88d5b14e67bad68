#include "scanners/attachment/pdf_content.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "scanners/attachment/pdf_lexer.hpp"
#include "scanners/attachment/pdf_value.hpp"

namespace scanners::attachment {
namespace {

constexpr std::size_t kMaxOperands = 1 << 16;  // each string of a list is one
constexpr std::size_t kMaxSaved = 256;

// Gaps in units of the font's size: what is wider parts words. Letters of one word stand closer than that, and a blank
// is wider; where widths are guessed, only wide ones say something.
constexpr double kGap = 0.15;
constexpr double kGuessedGap = 0.35;
constexpr double kBack = 0.5;
constexpr double kGuessedBack = 1.5;
constexpr double kNewLine = 0.5;

struct Matrix {
    double a = 1, b = 0, c = 0, d = 1, e = 0, f = 0;
};

Matrix operator*(const Matrix& m, const Matrix& n) {
    return {m.a * n.a + m.b * n.c, m.a * n.b + m.b * n.d,       m.c * n.a + m.d * n.c,
            m.c * n.b + m.d * n.d, m.e * n.a + m.f * n.c + n.e, m.e * n.b + m.f * n.d + n.f};
}

class Content {
  public:
    Content(std::string_view octets, const PdfFontByName& font, const std::function<bool()>& in_time,
            CollectedText& text)
        : octets_(octets),
          lexer_(octets, PdfLexer::Of::kContent),
          font_by_name_(font),
          in_time_(in_time),
          text_(text) {}

    void run() {
        std::size_t count = 0;
        for (auto token = lexer_.next(); token.kind != PdfToken::Kind::kEnd && !text_.full(); token = lexer_.next()) {
            if ((++count & 0xFFF) == 0 && !in_time_())
                break;
            if (token.kind == PdfToken::Kind::kKeyword)
                carry_out(token.text);
            else
                keep(std::move(token));
        }
        uncover();
        text_.end_line();
        text_.add(covered_differently_.view());
    }

  private:
    struct State {
        Matrix page;  // to the page's own measure
        const PdfFont* font = nullptr;
        double size = 1;
        double spread = 0;       // behind each character
        double word_spread = 0;  // behind each blank
        double stretch = 1;
        double leading = 0;
    };

    // The last ones, if there are too many. Nobody asks where a list of strings begins.
    void keep(PdfToken token) {
        if (token.kind == PdfToken::Kind::kArrayBegin || token.kind == PdfToken::Kind::kArrayEnd)
            return;
        if (operands_.size() >= kMaxOperands)
            operands_.erase(operands_.begin(), operands_.begin() + kMaxOperands / 2);
        operands_.push_back(std::move(token));
    }

    void carry_out(const std::string& what) {
        if (what == "ID") {
            skip_picture();
        } else if (what == "BDC" || what == "BMC") {
            cover();
        } else if (what == "EMC") {
            if (cover_depth_ > 0 && --cover_depth_ == 0)
                uncover();
        } else if (!matrix_operator(what) && !state_operator(what)) {
            show_operator(what);
        }
        operands_.clear();
    }

    // The n-th number, counted from the last one.
    [[nodiscard]] double number(std::size_t from_last) const {
        return from_last < operands_.size() ? operands_[operands_.size() - 1 - from_last].value : 0;
    }
    [[nodiscard]] Matrix matrix() const { return {number(5), number(4), number(3), number(2), number(1), number(0)}; }

    bool matrix_operator(const std::string& what) {
        if (what == "BT")
            line_ = place_ = {};
        else if (what == "Tm")
            line_ = place_ = matrix();
        else if (what == "Td")
            next_line(number(1), number(0));
        else if (what == "TD") {
            state_.leading = -number(0);
            next_line(number(1), number(0));
        } else if (what == "T*")
            next_line(0, -state_.leading);
        else if (what == "cm")
            state_.page = matrix() * state_.page;
        else if (what == "q") {
            if (saved_.size() < kMaxSaved)
                saved_.push_back(state_);
        } else if (what == "Q") {
            if (!saved_.empty()) {
                state_ = saved_.back();
                saved_.pop_back();
            }
        } else {
            return false;
        }
        return true;
    }

    bool state_operator(const std::string& what) {
        if (what == "Tf") {
            state_.size = number(0);
            if (operands_.size() >= 2 && operands_[operands_.size() - 2].kind == PdfToken::Kind::kName)
                state_.font = &font_by_name_(operands_[operands_.size() - 2].text);
        } else if (what == "Tc")
            state_.spread = number(0);
        else if (what == "Tw")
            state_.word_spread = number(0);
        else if (what == "Tz")
            state_.stretch = number(0) / 100;
        else if (what == "TL")
            state_.leading = number(0);
        else
            return false;
        return true;
    }

    void show_operator(const std::string& what) {
        if (what == "\"") {
            state_.word_spread = number(2);
            state_.spread = number(1);
        }
        if (what == "\"" || what == "'")
            next_line(0, -state_.leading);
        if (what != "Tj" && what != "TJ" && what != "'" && what != "\"")
            return;
        for (const auto& operand : operands_) {
            if (operand.kind == PdfToken::Kind::kString)
                show(operand.text);
            else if (operand.kind == PdfToken::Kind::kNumber && what == "TJ")
                move(-operand.value / 1000 * state_.size * state_.stretch);
        }
    }

    void next_line(double right, double up) { line_ = place_ = Matrix{1, 0, 0, 1, right, up} * line_; }
    void move(double right) { place_ = Matrix{1, 0, 0, 1, right, 0} * place_; }

    void show(std::string_view string) {
        if (state_.font == nullptr)
            state_.font = &font_by_name_({});
        part_words();
        cover_begun_ = cover_.has_value();
        state_.font->each_glyph(string, [this](const PdfFont::Glyph& glyph) {
            out().add(glyph.text);
            move((glyph.width * state_.size + state_.spread + (glyph.blank ? state_.word_spread : 0)) * state_.stretch);
        });
        const auto end = place_ * state_.page;
        last_ = {end.e, end.f};
        shown_ = true;
    }

    // What is between the end of the last string and here.
    void part_words() {
        const auto here = place_ * state_.page;
        const double length = std::hypot(here.a, here.b);
        const double size = std::abs(state_.size * length);
        if (!shown_ || !(size > 0))
            return;
        const double right = here.e - last_.first, up = here.f - last_.second;
        const double along = (right * here.a + up * here.b) / length / size;
        const double across = std::abs(up * here.a - right * here.b) / length / size;
        const bool measured = state_.font->measured();
        if (across > kNewLine)
            out().end_line();
        else if (along > (measured ? kGap : kGuessedGap) || along < -(measured ? kBack : kGuessedBack))
            out().end_word();
    }

    // Some programs say what glyphs mean that have no character of their own (section 14.9.4). Who copies text gets
    // that, who reads sees the glyphs: both are text.
    void cover() {
        if (cover_depth_ > 0) {
            ++cover_depth_;
            return;
        }
        for (std::size_t i = 0; i + 1 < operands_.size(); ++i) {
            if (operands_[i].kind != PdfToken::Kind::kName || operands_[i].text != "ActualText" ||
                operands_[i + 1].kind != PdfToken::Kind::kString)
                continue;
            cover_ = pdf_text_string(operands_[i + 1].text);
            cover_depth_ = 1;
        }
    }

    void uncover() {
        if (cover_)
            text_.add(*cover_);
        if (cover_ && covered_.view() != *cover_) {
            covered_differently_.add(covered_.view());
            covered_differently_.end_line();
        }
        cover_.reset();
        cover_begun_ = false;
        covered_.clear();
        cover_depth_ = 0;
    }

    CollectedText& out() { return cover_ && cover_begun_ ? covered_ : text_; }

    // Behind "ID" stand octets, up to "EI" as a word of its own.
    void skip_picture() {
        constexpr std::string_view kBlanks("\0\t\n\f\r ", 6);
        auto at = octets_.find("EI", lexer_.at());
        while (at != std::string_view::npos) {
            const bool begins = at > 0 && kBlanks.find(octets_[at - 1]) != std::string_view::npos;
            const bool ends = at + 2 >= octets_.size() || kBlanks.find(octets_[at + 2]) != std::string_view::npos;
            if (begins && ends)
                break;
            at = octets_.find("EI", at + 1);
        }
        lexer_.go_to(at == std::string_view::npos ? octets_.size() : at + 2);
    }

    std::string_view octets_;
    PdfLexer lexer_;
    const PdfFontByName& font_by_name_;
    const std::function<bool()>& in_time_;
    CollectedText& text_;
    std::vector<PdfToken> operands_;
    State state_;
    std::vector<State> saved_;
    Matrix line_, place_;
    std::pair<double, double> last_;    // where the last string ended
    bool shown_ = false;                // there was one
    std::optional<std::string> cover_;  // what is said of the glyphs to come
    std::size_t cover_depth_ = 0;
    bool cover_begun_ = false;           // the gap before them has been looked at
    CollectedText covered_;              // what they themselves say
    CollectedText covered_differently_;  // when it was something else
};

}  // namespace

void read_pdf_content(std::string_view octets, const PdfFontByName& font, const std::function<bool()>& in_time,
                      CollectedText& text) {
    Content(octets, font, in_time, text).run();
}

}  // namespace scanners::attachment
