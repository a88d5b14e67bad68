#include "inspect/mail_file.hpp"

#include <string_view>

#include "config/load.hpp"
#include "session/spool_storage.hpp"

namespace inspect {

// A file has LF, a mail has CRLF.
std::string canonical_text(std::string_view text) {
    if (text.starts_with("From "))
        text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
    std::string mail;
    mail.reserve(text.size() + text.size() / 32);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            mail += '\r';
        mail += text[i];
    }
    return mail;
}

base::Result<mail::MessagePtr> read_mail(const std::string& path, std::size_t limit) {
    const auto text = config::read_file(path, limit);
    if (!text)
        return text.error();
    return make_message(canonical_text(*text));
}

base::Result<mail::MessagePtr> make_message(std::string_view text) {
    auto spool = session::make_spool("/tmp");
    if (auto kept = spool->append(text); !kept)
        return kept.error();
    return spool->seal();
}

}  // namespace inspect
