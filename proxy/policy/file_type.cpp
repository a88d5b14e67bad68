#include "policy/file_type.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "mail/text.hpp"

namespace policy {
namespace {

// Sorted. What Windows, its script hosts and its installers run at a double click, and what Unix shells run.
constexpr std::array<std::string_view, 64> kPrograms{"ace",
                                                     "ade",
                                                     "adp",
                                                     "apk",
                                                     "app",
                                                     "appx",
                                                     "bash",
                                                     "bat",
                                                     "chm",
                                                     "cmd",
                                                     "com",
                                                     "cpl",
                                                     "dll",
                                                     "dmg",
                                                     "exe",
                                                     "gadget",
                                                     "hlp",
                                                     "hta",
                                                     "img",
                                                     "inf",
                                                     "ins",
                                                     "iqy",
                                                     "iso",
                                                     "isp",
                                                     "jar",
                                                     "js",
                                                     "jse",
                                                     "ksh",
                                                     "lib",
                                                     "lnk",
                                                     "mde",
                                                     "msc",
                                                     "msi",
                                                     "msix",
                                                     "msp",
                                                     "mst",
                                                     "nsh",
                                                     "ocx",
                                                     "pif",
                                                     "ps1",
                                                     "ps2",
                                                     "psc1",
                                                     "reg",
                                                     "scf",
                                                     "scr",
                                                     "sct",
                                                     "settingcontent-ms",
                                                     "sh",
                                                     "shb",
                                                     "shs",
                                                     "slk",
                                                     "sys",
                                                     "url",
                                                     "vb",
                                                     "vbe",
                                                     "vbs",
                                                     "vhd",
                                                     "vhdx",
                                                     "vxd",
                                                     "wsc",
                                                     "wsf",
                                                     "wsh",
                                                     "xll",
                                                     "zsh"};

// A family of types: what programs call it, what its content looks like, and its extensions.
struct Family {
    std::string_view name;
    std::string_view types;       // true and declared types, each between blanks; "/" at the end: all of that kind
    std::string_view extensions;  // each between blanks
};

constexpr std::array kFamilies{
    Family{"program",
           " application/vnd.microsoft.portable-executable application/x-dosexec application/x-msdownload "
           "application/x-msdos-program application/x-elf application/x-executable application/x-sharedlib "
           "application/x-mach-binary application/x-msi application/x-ms-shortcut application/x-mswinurl "
           "application/vnd.ms-htmlhelp application/java-vm application/vnd.android.dex application/wasm ",
           " exe scr com pif dll cpl ocx sys msi lnk url chm class so "},
    Family{"script",
           " text/x-shellscript text/x-perl text/x-python text/x-ruby text/x-php text/x-script text/x-msdos-batch "
           "text/x-ms-regedit ",
           " sh bash ksh zsh pl py rb php bat cmd reg "},
    Family{"java", " application/java-archive application/vnd.android.package-archive ", " jar war apk "},
    Family{"pdf", " application/pdf ", " pdf "},
    Family{"zip", " application/zip application/x-zip-compressed ", " zip "},
    Family{"rar", " application/x-rar application/vnd.rar application/x-rar-compressed ", " rar "},
    Family{"7z", " application/x-7z-compressed ", " 7z "},
    Family{"gzip", " application/gzip application/x-gzip ", " gz tgz "},
    Family{"ole",
           " application/x-ole-storage application/msword application/vnd.ms-excel application/vnd.ms-powerpoint "
           "application/vnd.ms-office ",
           " doc xls ppt dot xlt pot "},
    Family{"ooxml",
           " application/vnd.openxmlformats-officedocument/ application/vnd.ms-word.document.macroenabled.12 "
           "application/vnd.ms-excel.sheet.macroenabled.12 ",
           " docx xlsx pptx docm xlsm pptm dotm xltm "},
    Family{"rtf", " text/rtf application/rtf ", " rtf "},
    Family{"image", " image/ ", " jpg jpeg jpe png gif bmp tif tiff webp "},
    Family{"audio", " audio/ ", " mp3 wav ogg flac m4a aac "},
    Family{"video", " video/ ", " mp4 avi mov mkv webm mpg mpeg wmv "},
};

// Families by one of their words. Sorted once: rules ask it of every part of every mail.
class Words {
  public:
    explicit Words(std::string_view Family::*list) {
        for (const auto& family : kFamilies)
            for (auto rest = family.*list; rest.size() > 1;) {
                const auto end = rest.find(' ', 1);
                sorted_.emplace_back(rest.substr(1, end - 1), &family);
                rest.remove_prefix(end);
            }
        std::stable_sort(sorted_.begin(), sorted_.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
    }

    // The first family that has it; null: none.
    [[nodiscard]] const Family* find(std::string_view word) const {
        const auto found = std::lower_bound(sorted_.begin(), sorted_.end(), word,
                                            [](const auto& entry, std::string_view one) { return entry.first < one; });
        return found == sorted_.end() || found->first != word ? nullptr : found->second;
    }

  private:
    std::vector<std::pair<std::string_view, const Family*>> sorted_;
};

const Family* ooxml() {
    static const Family* const kFound =
        std::find_if(kFamilies.begin(), kFamilies.end(), [](const Family& family) { return family.name == "ooxml"; });
    return kFound;
}

const Family* family_of_type(std::string_view type) {
    static const Words kTypes(&Family::types);
    const Family* first = kTypes.find(type);
    const auto or_earlier = [&first](const Family* other) {
        if (other != nullptr && (first == nullptr || other < first))
            first = other;
    };
    if (const auto slash = type.find('/') + 1; slash > 0)
        or_earlier(kTypes.find(type.substr(0, slash)));
    if (type.find("officedocument") != std::string_view::npos)
        or_earlier(ooxml());
    return first;
}

const Family* family_of_extension(std::string_view extension) {
    static const Words kExtensions(&Family::extensions);
    return kExtensions.find(extension);
}

std::string_view without_tail(std::string_view name) {
    const auto last = name.find_last_not_of(". \t");
    return last == std::string_view::npos ? std::string_view{} : name.substr(0, last + 1);
}

// Office programs open each other's files by content: a document in the older or in rich text form under the other's
// name is usual, and is not a disguise.
bool is_document(const Family& family) {
    return family.name == "ole" || family.name == "ooxml" || family.name == "rtf";
}

bool runs(const Family& family) {
    return family.name == "program" || family.name == "script" || family.name == "java";
}

bool contradicts(const Family& promised, const Family& found) {
    // What is made of zip files is one, too.
    const bool zip = promised.name == "zip" && (found.name == "ooxml" || found.name == "java");
    return &promised != &found && !zip && !(is_document(promised) && is_document(found));
}

}  // namespace

std::string extension_of(std::string_view name) {
    name = without_tail(name);
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos || dot + 1 == name.size())
        return {};
    std::string extension(name.substr(dot + 1));
    std::transform(extension.begin(), extension.end(), extension.begin(), mail::lower);
    return extension;
}

bool is_program_extension(std::string_view extension) {
    return std::find(kPrograms.begin(), kPrograms.end(), extension) != kPrograms.end();
}

bool is_program_type(std::string_view true_type) {
    const auto* const family = family_of_type(true_type);
    return family != nullptr && runs(*family);
}

bool has_double_extension(std::string_view name) {
    name = without_tail(name);
    if (!is_program_extension(extension_of(name)))
        return false;
    const auto before = extension_of(name.substr(0, name.rfind('.')));
    // "archive.tar.sh" and "setup.1.exe" are names that people give; what a reader takes for a document is not.
    return family_of_extension(before) != nullptr || before == "txt" || before == "htm" || before == "html" ||
           before == "csv";
}

bool type_mismatch(const Item& item) {
    const auto* const found = family_of_type(item.true_type);
    if (found == nullptr)
        return false;
    if (const auto* const declared = family_of_type(item.declared_type);
        declared != nullptr && contradicts(*declared, *found))
        return true;
    return std::any_of(item.names.begin(), item.names.end(), [found](const std::string& name) {
        const auto extension = extension_of(name);
        const auto* const promised = family_of_extension(extension);
        if (promised != nullptr)
            return contradicts(*promised, *found);
        // A program under a name that no program has.
        return runs(*found) && found->name != "script" && !extension.empty() && !is_program_extension(extension);
    });
}

}  // namespace policy
