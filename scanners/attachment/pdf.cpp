#include "scanners/attachment/pdf.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scanners/attachment/names.hpp"
#include "scanners/attachment/objects.hpp"
#include "scanners/attachment/pdf_cipher.hpp"
#include "scanners/attachment/pdf_filters.hpp"
#include "scanners/attachment/pdf_lexer.hpp"
#include "scanners/attachment/pdf_text.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;

constexpr std::size_t kMaxDepth = 200;
constexpr std::size_t kMaxStreams = 100000;
constexpr std::size_t kMaxObjects = 1 << 19;  // that are looked at for text

// What is known of a dictionary while it is read.
struct Dictionary {
    std::string key;
    bool has_value = true;  // of `key`: the next name is a key
    unsigned arrays = 0;    // open ones in it
    std::string type;
    std::string action;                // of S
    std::string file_name;             // of F, UF
    std::vector<std::uint64_t> files;  // objects in an EF dictionary below
    std::uint64_t length = 0;
    std::uint64_t first = 0;  // of a stream of objects
    PdfPacking packing;
    bool names_open_action = false;
};

struct Stream {
    std::uint64_t object = 0;
    std::uint64_t generation = 0;
    std::string_view octets;
    PdfPacking packing;
};

class PdfReader {
  public:
    // `cipher`: reads what it opens; null: reads everything as it stands there.
    PdfReader(Opening& opening, std::size_t item, std::string_view octets, const PdfCipher* cipher)
        : opening_(opening), item_(item), octets_(octets), cipher_(cipher) {}

    void run() {
        read(octets_, true);
        open_files();
        open_forms();
        for (const auto object : opened_actions_) {
            if (active_objects_.contains(object))
                mark(Mark::kScript);
        }
    }

    [[nodiscard]] const PdfEncryption& encryption() const { return encryption_; }

    // After run(): what people read.
    void give_text() {
        if (!opening_.want_attachment_text())
            return;
        for (const auto& [octets, first] : packed_)
            parts_.add_packed(octets, first);
        std::map<std::uint64_t, const Stream*> streams;
        for (const auto& stream : streams_)
            streams[stream.object] = &stream;
        PdfServices services;
        services.stream = [&](std::uint64_t object) {
            const auto found = streams.find(object);
            return found != streams.end() ? unpack(*found->second, PdfCipher::Use::kStream).octets : std::string();
        };
        services.decrypted = [&](const PdfParts::Object& object, const std::string& text) {
            return cipher_ == nullptr
                       ? text
                       : cipher_->decrypt(text, object.number, object.generation, PdfCipher::Use::kString);
        };
        services.in_time = [&] { return opening_.in_time(item_); };
        pdf_text(opening_, item_, parts_, services);
    }

  private:
    // One token after the other. `outermost`: not in a stream of objects, where no streams are.
    void read(std::string_view octets, bool outermost) {
        PdfLexer lexer(octets);
        stack_.clear();
        std::size_t count = 0;
        for (auto token = lexer.next(); token.kind != PdfToken::Kind::kEnd; token = lexer.next()) {
            if ((++count & 0xFFF) == 0 && !opening_.in_time(item_))
                return;
            at_ = lexer.at();
            if (token.kind == PdfToken::Kind::kKeyword && token.text == "stream" && stack_.empty() && outermost)
                lexer.go_to(stream(octets, lexer.at()));
            else
                take(token);
        }
    }

    void take(const PdfToken& token) {
        switch (token.kind) {
            case PdfToken::Kind::kDictBegin:
                begin();
                break;
            case PdfToken::Kind::kDictEnd:
                end();
                break;
            case PdfToken::Kind::kArrayBegin:
            case PdfToken::Kind::kArrayEnd:
                array(token.kind == PdfToken::Kind::kArrayBegin);
                break;
            case PdfToken::Kind::kName:
                name(token.text);
                break;
            case PdfToken::Kind::kString:
                string(token.text);
                break;
            case PdfToken::Kind::kNumber:
                numbers_[0] = numbers_[1];
                numbers_[1] = token.number;
                number();
                break;
            default:
                keyword(token.text);
        }
    }

    void begin() {
        if (!stack_.empty() && stack_.back().key == "Encrypt" && !in_stream_ &&
            encryption_.dictionaries.size() < PdfEncryption::kMaxValues) {
            encryption_.dictionaries.push_back(at_ - 2);  // before "<<"
            has_encryption(stack_.back());
        }
        if (stack_.size() < kMaxDepth)
            stack_.emplace_back();
        else
            mark(Mark::kMalformed);
    }

    void end() {
        if (stack_.empty())
            return;
        last_ = std::move(stack_.back());
        stack_.pop_back();
        note_files();
        if (is_active(last_.action)) {
            active_objects_.insert(object_);
            if (!stack_.empty() && stack_.back().key == "OpenAction")
                mark(Mark::kScript);
        }
        if (stack_.empty())
            return;
        auto& outer = stack_.back();
        if (outer.key == "EF")
            outer.files.insert(outer.files.end(), last_.files.begin(), last_.files.end());
        if (outer.key == "DecodeParms" || outer.key == "DP") {
            const auto filters = std::move(outer.packing.filters);
            outer.packing = last_.packing;
            outer.packing.filters = filters;
        }
        outer.has_value = outer.arrays == 0;
    }

    // A dictionary that names files is done: they get its name.
    void note_files() {
        for (const auto file : last_.files) {
            auto& name = files_[file];
            if (name.empty())
                name = last_.file_name;
        }
    }

    void array(bool opens) {
        if (stack_.empty())
            return;
        auto& dictionary = stack_.back();
        if (opens)
            ++dictionary.arrays;
        else
            dictionary.arrays -= dictionary.arrays > 0 ? 1 : 0;
        dictionary.has_value = dictionary.arrays == 0;
    }

    void name(const std::string& text) {
        if (stack_.empty())
            return;
        auto& dictionary = stack_.back();
        if (dictionary.has_value && dictionary.arrays == 0) {
            dictionary.key = text;
            dictionary.has_value = false;
            on_key(text);
            return;
        }
        on_value(dictionary, text);
        dictionary.has_value = dictionary.arrays == 0;
    }

    void on_key(const std::string& key) {
        if (key == "JavaScript" || key == "JS" || key == "AA")
            mark(Mark::kScript);
        else if (key == "EmbeddedFiles" || key == "EF" || key == "RichMediaContent")
            mark(Mark::kEmbedded);
        else if (key == "Encrypt")
            encrypts();
    }

    void encrypts() {
        if (cipher_ == nullptr)
            mark(Mark::kEncrypted);
        ++encryption_.keys;
    }

    // The value of the last "Encrypt" is kept.
    void has_encryption(Dictionary& dictionary) {
        ++encryption_.values;
        dictionary.key.clear();  // it has no other
    }

    void on_value(Dictionary& dictionary, const std::string& value) {
        if (value == "JavaScript" || value == "Launch")
            mark(Mark::kScript);
        if (dictionary.key == "Type")
            dictionary.type = value;
        else if (dictionary.key == "S")
            dictionary.action = value;
        else if ((dictionary.key == "Filter" || dictionary.key == "F") && dictionary.packing.filters.size() < 16)
            dictionary.packing.filters.push_back(value);
    }

    void string(const std::string& text) {
        if (stack_.empty())
            return;
        auto& dictionary = stack_.back();
        if (dictionary.key == "UF" || (dictionary.key == "F" && dictionary.file_name.empty()))
            dictionary.file_name = cipher_ != nullptr && !in_stream_
                                       ? cipher_->decrypt(text, object_, generation_, PdfCipher::Use::kString)
                                       : text;
        dictionary.has_value = dictionary.arrays == 0;
    }

    void number() {
        if (stack_.empty())
            return;
        auto& dictionary = stack_.back();
        const auto value = numbers_[1];
        // Of a reference the first number stands here until "R" comes.
        if (dictionary.key == "Length" && !dictionary.has_value)
            dictionary.length = value;
        else if (dictionary.key == "First")
            dictionary.first = value;
        else if (dictionary.key == "Predictor")
            dictionary.packing.predictor = value;
        else if (dictionary.key == "Columns")
            dictionary.packing.columns = value;
        else if (dictionary.key == "Colors")
            dictionary.packing.colors = value;
        else if (dictionary.key == "BitsPerComponent")
            dictionary.packing.bits = value;
        dictionary.has_value = dictionary.arrays == 0;
    }

    void keyword(const std::string& text) {
        if (text == "obj") {
            object_ = numbers_[0];
            generation_ = numbers_[1];
            stack_.clear();  // whatever was left open before it
            last_ = {};
            note_object();
        } else if (text == "R" && !stack_.empty()) {
            reference(stack_.back(), numbers_[0]);
        }
        if (!stack_.empty())
            stack_.back().has_value = stack_.back().arrays == 0;
    }

    void note_object() {
        encryption_.whole = encryption_.objects.size() < PdfEncryption::kMaxObjects;
        if (cipher_ == nullptr && encryption_.whole)
            encryption_.objects.emplace_back(object_, at_);
        if (opening_.want_attachment_text() && !in_stream_)
            note_part();
    }

    // What an object says ends where the next one begins.
    void note_part() {
        auto& objects = parts_.objects;
        if (objects.size() >= kMaxObjects)
            return opening_.exceeded(policy::ContentLimit::kFacts, item_, objects.size() + 1);
        if (!objects.empty())
            objects.back().octets = octets_.substr(part_at_, at_ - part_at_);
        part_at_ = at_;
        objects.push_back({object_, generation_, octets_.substr(at_)});
    }

    void reference(Dictionary& dictionary, std::uint64_t object) {
        if (dictionary.key == "OpenAction" && dictionary.arrays == 0)
            opened_actions_.insert(object);
        else if (dictionary.key == "Length")
            dictionary.length = 0;
        if (dictionary.key == "XFA")
            forms_.insert(object);
        auto& encrypting = encryption_.references;
        if (dictionary.key == "Encrypt" &&
            (encrypting.size() < PdfEncryption::kMaxValues || encrypting.contains(object))) {
            encrypting.insert(object);
            has_encryption(dictionary);
        }
        // In the dictionary of EF: one file for each way to name it.
        const bool in_files = stack_.size() > 1 && stack_[stack_.size() - 2].key == "EF";
        if (in_files && dictionary.files.size() < 16)
            dictionary.files.push_back(object);
        // EF itself may be an object of its own.
        if (dictionary.key == "EF")
            file_lists_.insert(object);
        if (file_lists_.contains(object_) && stack_.size() == 1 && (dictionary.key == "F" || dictionary.key == "UF"))
            files_.try_emplace(object);
    }

    static bool is_active(std::string_view action) {
        constexpr std::string_view kActive[] = {"URI",        "SubmitForm", "ImportData", "GoToE", "GoToR",
                                                "JavaScript", "Launch",     "Rendition",  "Movie", "RichMediaExecute"};
        return std::find(std::begin(kActive), std::end(kActive), action) != std::end(kActive);
    }

    // The stream whose dictionary was read last. Returns where its data ends.
    std::size_t stream(std::string_view octets, std::size_t at) {
        if (!opening_.in_time(item_))  // its end may be far, for each of many
            return octets.size();
        if (octets.substr(at).starts_with("\r\n"))
            at += 2;
        else if (at < octets.size() && (octets[at] == '\n' || octets[at] == '\r'))
            ++at;
        const auto data = octets.substr(std::min(at, octets.size()), stream_length(octets, at));
        Stream stream{object_, generation_, data, std::move(last_.packing)};
        if (last_.type == "ObjStm")
            objects(stream, last_.first);
        else if (last_.type == "EmbeddedFile")
            files_.try_emplace(object_);
        if (last_.type != "ObjStm" && streams_.size() < kMaxStreams)
            streams_.push_back(std::move(stream));
        // The table of objects may lead into it.
        return data.find(" obj") != std::string_view::npos ? at : at + data.size();
    }

    std::size_t stream_length(std::string_view octets, std::size_t at) const {
        const auto end = last_.length <= octets.size() ? at + static_cast<std::size_t>(last_.length) : octets.size();
        if (last_.length > 0 && end < octets.size() &&
            octets.substr(end, 16).find("endstream") != std::string_view::npos)
            return static_cast<std::size_t>(last_.length);
        const auto found = octets.find("endstream", at);
        return found == std::string_view::npos ? octets.size() : found - at;
    }

    // Marks the item when it cannot be done.
    PdfUnpacked unpacked(const Stream& stream, PdfCipher::Use use) {
        auto result = unpack(stream, use);
        if (opening_.item(item_).is(Mark::kEncrypted))
            return result;  // it is not what it seems, and that is said already
        if (!result.known)
            mark(Mark::kUnopened);
        else if (!result.whole && contents_allow())
            mark(Mark::kMalformed);
        return result;
    }

    PdfUnpacked unpack(const Stream& stream, PdfCipher::Use use) {
        auto packing = stream.packing;
        const bool in_the_open = !packing.filters.empty() && packing.filters.front() == "Crypt";
        if (in_the_open)  // with the name of a method, which is always "Identity"
            packing.filters.erase(packing.filters.begin());
        const bool decrypts = cipher_ != nullptr && !in_the_open;
        // Many streams may share one end: what is read of them counts, whatever comes out.
        if (!opening_.in_time(item_) || (decrypts && !opening_.expand(item_, stream.octets.size(), octets_.size()))) {
            PdfUnpacked nothing;
            nothing.whole = false;
            return nothing;
        }
        const auto plain = decrypts ? cipher_->decrypt(stream.octets, stream.object, stream.generation, use) : "";
        return pdf_unpack(decrypts ? plain : stream.octets, packing, [&](std::size_t length) {
            return opening_.expand(item_, length, octets_.size()) && opening_.in_time(item_);
        });
    }

    [[nodiscard]] bool contents_allow() const { return opening_.contents().exceeded.empty(); }

    void objects(const Stream& stream, std::uint64_t first) {
        auto inside = unpacked(stream, PdfCipher::Use::kStream);
        auto outer = std::move(stack_);
        in_stream_ = true;
        read(inside.octets, false);
        in_stream_ = false;
        stack_ = std::move(outer);
        object_ = stream.object;
        generation_ = stream.generation;
        if (opening_.want_attachment_text())
            packed_.emplace_back(std::move(inside.octets), first);
    }

    void open_files() {
        for (const auto& stream : streams_) {
            const auto file = files_.find(stream.object);
            if (file == files_.end())
                continue;
            const auto inside = unpacked(stream, PdfCipher::Use::kFile);
            if (!inside.whole && opening_.item(item_).is(Mark::kEncrypted))
                continue;                    // what somebody else has to read
            const auto& raw = file->second;  // UTF-16 is marked as such (section 7.9.2.2)
            if (!open_embedded(opening_, item_, raw.starts_with("\xfe\xff") ? swapped(raw) : raw, inside.octets))
                return;
        }
    }

    // XML, which may have scripts.
    void open_forms() {
        for (const auto& stream : streams_) {
            if (forms_.contains(stream.object) &&
                find_nocase(unpacked(stream, PdfCipher::Use::kStream).octets, "<script") != std::string::npos)
                mark(Mark::kScript);
        }
    }

    static std::string swapped(std::string_view utf16) {
        std::string octets(utf16.substr(2));
        for (std::size_t at = 0; at + 1 < octets.size(); at += 2)
            std::swap(octets[at], octets[at + 1]);
        return from_utf16(octets);
    }

    void mark(Mark mark) { opening_.item(item_).set(mark); }

    Opening& opening_;
    std::size_t item_;
    std::string_view octets_;
    const PdfCipher* cipher_;
    PdfEncryption encryption_;
    std::size_t at_ = 0;  // behind the token
    std::vector<Dictionary> stack_;
    Dictionary last_;  // the one that ended last
    std::uint64_t numbers_[2] = {0, 0};
    std::uint64_t object_ = 0;
    std::uint64_t generation_ = 0;
    bool in_stream_ = false;  // of objects: their strings are no more encrypted than the stream is
    std::vector<Stream> streams_;
    PdfParts parts_;                                            // for the text
    std::size_t part_at_ = 0;                                   // where the last of them begins
    std::deque<std::pair<std::string, std::uint64_t>> packed_;  // streams of objects, and where the first one begins
    std::map<std::uint64_t, std::string> files_;                // objects that are files, and their names
    std::set<std::uint64_t> file_lists_;
    std::set<std::uint64_t> forms_;  // parts of an XFA form
    std::set<std::uint64_t> opened_actions_;
    std::set<std::uint64_t> active_objects_;
};

}  // namespace

void open_pdf(Opening& opening, std::size_t item, std::string_view octets) {
    const auto marks = opening.item(item).marks;
    PdfReader as_it_stands(opening, item, octets, nullptr);
    as_it_stands.run();
    if (!opening.item(item).is(Mark::kEncrypted))
        return as_it_stands.give_text();
    const auto opened =
        PdfCipher::find(octets, as_it_stands.encryption(), [&opening, item] { return opening.in_time(item); });
    if (!opened.cipher)
        return;
    // Everybody can read it, and so do we, besides: who says that it is encrypted may say so to hide what is not. What
    // the first reading took for damage was the encryption. Unless its readers may take another dictionary than we do.
    auto& top = opening.item(item);
    for (const auto mark : {Mark::kEncrypted, Mark::kMalformed, Mark::kUnopened})
        if (opened.all && (marks & static_cast<std::uint16_t>(mark)) == 0 && opening.contents().exceeded.empty())
            top.marks = static_cast<std::uint16_t>(top.marks & ~static_cast<unsigned>(mark));
    PdfReader deciphered(opening, item, octets, &*opened.cipher);
    deciphered.run();
    deciphered.give_text();
}

}  // namespace scanners::attachment
