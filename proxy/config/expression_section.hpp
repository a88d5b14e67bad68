// [expression NAME] of the policy: what is looked for in texts. Pure.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "config/ini_file.hpp"
#include "policy/expression.hpp"

namespace config {

// The lines of a list that the policy names; null: it was not read.
using FindList = std::function<const std::string*(const std::string& path)>;

// Takes the lines of one section, in their order: weight, case, words, count and distinct hold for the entries below
// them.
class ExpressionSection {
  public:
    // `file`: as messages name it.
    ExpressionSection(std::string name, std::string file, unsigned line, FindList find_list);

    // Error: what is wrong with the line.
    base::Status take(const IniEntry& entry);
    // Error: the section as a whole says nothing.
    base::Result<policy::Expression> finish();

  private:
    base::Status take_where(const IniEntry& entry);
    base::Status take_field(const IniEntry& entry);
    base::Status take_words(const IniEntry& entry);
    base::Status take_list(const IniEntry& entry);
    base::Status take_ready_made(const IniEntry& entry);
    base::Status take_near(const IniEntry& entry);
    base::Status add(policy::Entry::Kind kind, std::string pattern, const std::string& origin);

    policy::Expression expression_;
    policy::Entry next_;  // what holds for the entries to come
    std::string file_;
    FindList find_list_;
    bool says_where_ = false;
};

}  // namespace config
