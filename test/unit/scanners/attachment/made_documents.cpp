// Compound files and PDFs, as small as their readers take them.
#include <map>

#include "made.hpp"

namespace made {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::uint32_t kEnd = 0xFFFFFFFE;
constexpr std::uint32_t kFree = 0xFFFFFFFF;

struct Node {
    std::string name;
    int type = 1;
    std::uint32_t right = kFree;
    std::uint32_t child = kFree;
    std::uint32_t start = kEnd;
    std::size_t size = 0;
};

std::string entry_of(const Node& node) {
    std::string name;
    for (const char c : node.name)
        name += std::string(1, c) + '\0';
    std::string raw = name + std::string(64 - name.size(), '\0') + little(name.size() + 2, 2);
    raw += static_cast<char>(node.type);
    raw += '\1';
    raw += little(kFree, 4) + little(node.right, 4) + little(node.child, 4) + std::string(36, '\0');
    return raw + little(node.start, 4) + little(node.size, 8);
}

class Compound {
  public:
    std::string of(const Files& streams) {
        nodes_.push_back({"Root Entry", 5});
        for (const auto& stream : streams)
            add(stream);
        std::string directory;
        for (const auto& node : nodes_)
            directory += entry_of(node);
        const auto directory_at = place(directory);
        const auto sectors = data_.size() / kSector;  // the table's own sectors follow
        const auto tables = (sectors + sectors / 100 + 2) / 128 + 1;
        std::string header = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + std::string(16, '\0') + little(0x3E, 2) +
                             little(3, 2) + little(0xFFFE, 2) + little(9, 2) + little(6, 2) + std::string(10, '\0') +
                             little(tables, 4) + little(directory_at, 4) + little(0, 4) + little(4096, 4) +
                             little(kEnd, 4) + little(0, 4) + little(kEnd, 4) + little(0, 4);
        std::string table = table_;
        for (std::size_t i = 0; i < 109; ++i)
            header += little(i < tables ? sectors + i : kFree, 4);
        for (std::size_t i = 0; i < tables; ++i)
            table += little(0xFFFFFFFD, 4);
        while (table.size() < tables * kSector)
            table += little(kFree, 4);
        return header + data_ + table;
    }

  private:
    // The first sector.
    std::uint32_t place(std::string octets) {
        octets.resize((octets.size() + kSector - 1) / kSector * kSector);
        const auto first = static_cast<std::uint32_t>(data_.size() / kSector);
        const auto count = octets.size() / kSector;
        for (std::size_t i = 1; i <= count; ++i)
            table_ += little(i < count ? first + i : kEnd, 4);
        data_ += octets;
        return first;
    }

    std::size_t node(std::size_t parent, const std::string& name) {
        auto& index = by_name_[std::to_string(parent) + "/" + name];
        if (index == 0) {
            index = nodes_.size();
            nodes_.push_back({name});
            nodes_[index].right = nodes_[parent].child;
            nodes_[parent].child = static_cast<std::uint32_t>(index);
        }
        return index;
    }

    void add(const File& stream) {
        std::size_t parent = 0;
        std::string way = stream.name;
        for (auto slash = way.find('/'); slash != std::string::npos; slash = way.find('/')) {
            parent = node(parent, way.substr(0, slash));
            way.erase(0, slash + 1);
        }
        const auto index = node(parent, way);
        std::string octets = stream.octets;
        octets.resize(std::max<std::size_t>(octets.size(), 4096));
        nodes_[index].type = 2;
        nodes_[index].size = octets.size();
        nodes_[index].start = place(octets);
    }

    std::vector<Node> nodes_;
    std::map<std::string, std::size_t> by_name_;
    std::string data_;
    std::string table_;
};

}  // namespace

std::string compound(const Files& streams) {
    return Compound().of(streams);
}

std::string utf16(std::u16string_view text) {
    std::string octets;
    for (const auto unit : text)
        octets += little(unit, 2);
    return octets;
}

std::string word97(const std::vector<WordPiece>& pieces, bool encrypted) {
    constexpr std::size_t kHead = 0x400;
    std::string text;
    std::string ends = little(0, 4);
    std::string places;
    std::uint64_t characters = 0;
    for (const auto& piece : pieces) {
        characters += piece.octets.size() / (piece.wide ? 2 : 1);
        ends += little(characters, 4);
        const auto at = kHead + text.size();
        places += little(0, 2) + little(piece.wide ? at : 0x40000000 | at * 2, 4) + little(0, 2);
        text += piece.octets;
    }
    const auto pieces_table = ends + places;
    // Behind some properties, as Word writes them when it saved quickly.
    const auto table = "junk\1" + little(3, 2) + "xyz\2" + little(pieces_table.size(), 4) + pieces_table;
    std::string head(kHead, '\0');
    head.replace(0, 4, "\xec\xa5" + little(0xC1, 2));
    head.replace(0x0A, 2, little(0x0200 | (encrypted ? 0x0100 : 0), 2));
    head.replace(0x1A2, 8, little(4, 4) + little(table.size() - 4, 4));
    return compound({{"WordDocument", head + text}, {"0Table", "another one"}, {"1Table", table}});
}

std::string excel_record(unsigned type, const std::string& data) {
    return little(type, 2) + little(data.size(), 2) + data;
}

std::string excel_begin(bool version8) {
    return excel_record(0x0809, little(version8 ? 0x0600 : 0x0500, 2) + little(0x0005, 2) + std::string(12, '\0'));
}

std::string powerpoint_record(unsigned type, const std::string& data) {
    return little(0, 2) + little(type, 2) + little(data.size(), 4) + data;
}

std::string pdf_stream(std::string_view dictionary, std::string_view data) {
    return "<</Length " + std::to_string(data.size()) + " " + std::string(dictionary) + ">>\nstream\n" +
           std::string(data) + "\nendstream";
}

std::string pdf(const std::vector<std::string>& objects) {
    std::string text = "%PDF-1.7\n";
    for (std::size_t i = 0; i < objects.size(); ++i)
        text += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
    return text + "trailer <</Root 1 0 R>>\n%%EOF\n";
}

}  // namespace made
