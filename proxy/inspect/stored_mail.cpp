#include "inspect/stored_mail.hpp"

#include <algorithm>
#include <array>

#include "mail/headers.hpp"
#include "mail/received.hpp"
#include "mail/text.hpp"
#include "net/address.hpp"

namespace inspect {
namespace {

constexpr std::size_t kMaxFields = 1000;
constexpr std::size_t kMaxHeader = 256UL * 1024;  // octets
constexpr std::size_t kMaxValue = 64UL * 1024;    // octets of a field with addresses

bool is_address(std::string_view text) {
    const auto at = text.rfind('@');
    return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= kMaxPath &&
           std::all_of(text.begin(), text.end(), [](char octet) { return octet > ' ' && octet <= '~'; });
}

// Reads a list of mailboxes (RFC 5322 section 3.4) leniently.
class AddressReader {
  public:
    explicit AddressReader(std::string_view value) : rest_(value.substr(0, kMaxValue)) {}

    std::vector<std::string> read() {
        for (; !rest_.empty(); rest_.remove_prefix(std::min<std::size_t>(1, rest_.size())))
            take(rest_.front());
        end_mailbox();
        return std::move(found_);
    }

  private:
    void take(char octet) {
        if (octet == '\\' && (quoted_ || comments_ > 0)) {
            if (comments_ == 0)
                word_ += octet;
            rest_.remove_prefix(1);
            if (comments_ == 0 && !rest_.empty())
                word_ += rest_.front();
        } else if (comments_ > 0) {
            comments_ += octet == '(' ? 1 : octet == ')' ? -1 : 0;
        } else if (octet == '"') {
            quoted_ = !quoted_;
            word_ += octet;
        } else if (quoted_) {
            word_ += octet;
        } else if (octet == '(') {
            ++comments_;
        } else if (octet == ',' || octet == ';') {
            end_mailbox();
        } else if (octet == '<' || octet == ':') {
            word_.clear();  // a name, of somebody or of a group
        } else if (octet == '>') {
            bracketed_ = std::move(word_);
            word_.clear();
        } else if (!mail::is_white(octet)) {
            word_ += octet;
        }
    }

    void end_mailbox() {
        const auto& address = bracketed_.empty() ? word_ : bracketed_;
        if (!quoted_ && is_address(address))
            found_.push_back(address);
        word_.clear();
        bracketed_.clear();
        quoted_ = false;
    }

    std::string_view rest_;
    std::string word_;
    std::string bracketed_;
    bool quoted_ = false;
    int comments_ = 0;
    std::vector<std::string> found_;
};

// What the header says, field by field.
struct Fields {
    std::optional<std::string> return_path;  // empty: <>
    std::vector<std::string> from;
    std::vector<std::string> delivered;  // Delivered-To and its like
    std::vector<std::string> to;
    std::string client;  // below our Received field, or of the first host that is not this one
    bool below_ours = false;
    std::size_t begin = 0;
};

void add(std::vector<std::string>& all, std::string_view value) {
    for (auto& address : addresses_in(value))
        if (all.size() < kMaxGuessed && std::find(all.begin(), all.end(), address) == all.end())
            all.push_back(std::move(address));
}

bool is_one_of(const mail::HeaderField& field, std::initializer_list<std::string_view> names) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return mail::field_name_is(field, name); });
}

void take_received(Fields& fields, const mail::HeaderField& field, std::string_view proxy) {
    const auto received = mail::parse_received(field.value);
    if (!fields.below_ours && fields.begin == 0 && mail::equal_ignoring_case(received.by, proxy) &&
        field.value.find("(Sandwich)") != std::string_view::npos) {
        fields.begin = field.end;
        fields.client.clear();
        return;
    }
    // The next one is that of the inbound server.
    if (fields.begin > 0 && !fields.below_ours) {
        fields.below_ours = true;
        fields.client = received.client;
    } else if (fields.begin == 0 && fields.client.empty()) {
        const auto address = net::Address::parse(received.client);
        if (address && !address->loopback())
            fields.client = received.client;
    }
}

void take(Fields& fields, const mail::HeaderField& field, std::string_view proxy) {
    if (is_one_of(field, {"Received"}))
        return take_received(fields, field, proxy);
    // Ours, too: it stands below our Received field.
    if (fields.begin > 0 && !fields.below_ours && field.begin == fields.begin &&
        is_one_of(field, {"X-Sandwich-Verdict"})) {
        fields.begin = field.end;
    } else if (is_one_of(field, {"Return-Path"}) && !fields.return_path) {
        const auto found = addresses_in(field.value);
        fields.return_path = found.empty() ? std::string() : found.front();
    } else if (is_one_of(field, {"From"})) {
        add(fields.from, field.value);
    } else if (is_one_of(field, {"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"})) {
        // What stands above is nearer to the mailbox; a forged one in the mail's own header is not believed.
        if (fields.begin == 0)
            add(fields.delivered, field.value);
    } else if (is_one_of(field, {"To", "Cc"})) {
        add(fields.to, field.value);
    }
}

}  // namespace

std::vector<std::string> addresses_in(std::string_view value) {
    return AddressReader(value).read();
}

StoredFacts read_stored(std::string_view mail, std::string_view mbox_sender, std::string_view proxy) {
    Fields fields;
    mail::HeaderReader reader(mail.substr(0, kMaxHeader));
    for (std::size_t i = 0; i < kMaxFields; ++i) {
        const auto field = reader.next();
        if (!field)
            break;
        take(fields, *field, proxy);
    }
    StoredFacts facts;
    facts.begin = fields.begin;
    facts.client = std::move(fields.client);
    if (fields.return_path)
        facts.envelope.reverse_path = *fields.return_path;
    else if (is_address(mbox_sender))
        facts.envelope.reverse_path = mbox_sender;
    else if (mbox_sender != "MAILER-DAEMON" && !fields.from.empty())
        facts.envelope.reverse_path = fields.from.front();
    for (auto& path : fields.delivered.empty() ? fields.to : fields.delivered)
        facts.envelope.recipients.push_back({std::move(path), ""});
    if (facts.envelope.recipients.empty())
        facts.envelope.recipients.push_back({"recipient@example.com", ""});
    return facts;
}

}  // namespace inspect
