// [stamp NAME] and [notice NAME] of the policy: texts that are put into mails, and mails about mails. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/expression_section.hpp"
#include "config/ini_file.hpp"
#include "policy/action.hpp"

namespace config {

// Bounds.
inline constexpr std::size_t kMaxStampText = 16 * 1024;  // octets, plain and HTML each; and of a notice
inline constexpr std::size_t kMaxTextLine = 900;         // octets; RFC 5322 section 2.1.1 has 998
inline constexpr unsigned kMaxPerHour = 100'000;

// Takes the lines of one section, in their order: what is written in the policy and what stands in files adds up.
class StampSection {
  public:
    StampSection(std::string name, FindList find_file);
    // Error: what is wrong with the line.
    base::Status take(const IniEntry& entry);
    // Error: the section as a whole says nothing.
    base::Result<policy::Stamp> finish();

  private:
    policy::Stamp stamp_;
    FindList find_file_;
};

class NoticeSection {
  public:
    NoticeSection(std::string name, FindList find_file);
    base::Status take(const IniEntry& entry);
    base::Result<policy::Notice> finish();

  private:
    base::Status take_to(std::string_view value);
    base::Status take_from(std::string_view value);
    base::Status take_subject(std::string_view value);
    base::Status take_text(const IniEntry& entry);
    base::Status take_per_hour(std::string_view value);

    policy::Notice notice_;
    FindList find_file_;
};

}  // namespace config
