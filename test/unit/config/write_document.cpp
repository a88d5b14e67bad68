// Prints a document that is made from the table of settings: write_document sample > etc/sandwich.ini.
#include <cstdio>
#include <string_view>

#include "config/load.hpp"

int main(int argc, char** argv) {
    const std::string_view wanted = argc == 2 ? argv[1] : "";
    if (wanted == "sample")
        std::fputs(config::sample_file().c_str(), stdout);
    else if (wanted == "manual")
        std::fputs(config::manual_page().c_str(), stdout);
    else
        return std::fputs("usage: write_document sample|manual\n", stderr), 2;
    return 0;
}
