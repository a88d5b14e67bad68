// The true type of a file, by its content alone. Names and declared types play no part.
//
// The vocabulary is stable: what rules name must not change with a new version of libmagic. These come from here:
//
//   programs    application/vnd.microsoft.portable-executable (exe, dll, scr, sys), application/x-dosexec (older),
//               application/x-elf, application/x-mach-binary, application/java-vm, application/vnd.android.dex,
//               application/wasm, application/x-msi, application/x-ms-shortcut (lnk), application/x-mswinurl (url),
//               application/vnd.ms-htmlhelp (chm), application/vnd.adobe.flash.movie, text/x-shellscript, text/x-perl,
//               text/x-python, text/x-ruby, text/x-php, text/x-script (other "#!"), text/x-msdos-batch,
//               text/x-ms-regedit
//   archives    application/zip, application/java-archive, application/vnd.android.package-archive,
//   application/vnd.rar,
//               application/x-7z-compressed, application/gzip, application/x-bzip2, application/x-xz,
//               application/x-lzma, application/x-lzip, application/x-lz4, application/zstd, application/x-compress,
//               application/x-tar, application/x-lzh-compressed, application/vnd.ms-cab-compressed,
//               application/x-iso9660-image, application/x-cpio, application/x-archive,
//               application/vnd.debian.binary-package
//   not opened  application/x-arj, application/x-ace-compressed, application/x-xar, application/x-vhd,
//               application/x-vhdx, application/x-ms-wim, application/x-apple-diskimage, application/x-rpm,
//               application/x-ms-compress-szdd, application/x-stuffit, application/x-zoo, application/x-squashfs
//   documents   application/pdf, text/rtf, application/msword, application/vnd.ms-excel, application/vnd.ms-powerpoint,
//               application/vnd.visio, application/vnd.ms-outlook (msg), application/x-ole-storage (another),
//               application/encrypted (Office with a password), application/onenote,
//               application/vnd.openxmlformats-officedocument... and application/vnd.ms-...macroenabled.12,
//               application/vnd.oasis.opendocument..., application/epub+zip, application/vnd.ms-tnef
//   text        text/html, image/svg+xml, text/xml, text/vcard, text/calendar, application/json,
//   application/postscript,
//               application/x-sylk, message/rfc822, text/plain
//   others      libmagic's word
#pragma once

#include <string>
#include <string_view>

namespace scanners::attachment {

// Lower case; empty: unknown. What OLE and zip files are in detail, their readers say.
// `every`: libmagic is asked for all that has no mark of its own here. That takes a third of a millisecond and more
// when it does not know either; nothing is opened that only it knows.
std::string file_type(std::string_view octets, bool every);

// Only what a signature at a fixed place tells: cheap, and never mistaken for text. Empty: none.
std::string_view signature_type(std::string_view octets);

// What kind of zip file: by the names in its directory.
std::string zip_type(std::string_view octets);

// Readers of PDF would take it for one, whatever else it is: its mark stands in the first 1024 octets.
bool is_pdf(std::string_view octets);

// An archive or image that nothing here opens.
bool is_closed_archive(std::string_view type);

}  // namespace scanners::attachment
