# The Debian packages that Sandwich needs, and how they are put on a machine without disturbing its mail. Sourced, never run.
# shellcheck shell=bash disable=SC2034
#
# This is the only place that lists packages. No mail server is ever among what install_missing puts on a machine: the
# demonstration and the tests unpack Sendmail privately (unpack_sendmail), always, also where Sendmail is installed. So the
# machine's own mail set-up cannot be touched by mistake, and the tests see Debian's files as shipped, not as edited.
# The one exception is `scripts/run --install`, which asks for Sendmail by name.

build_packages=(meson ninja-build g++ pkg-config libevent-dev libclamav-dev libssl-dev libc-ares-dev libinih-dev libfmt-dev
    libseccomp-dev libarchive-dev libmagic-dev libmagic-mgc zlib1g-dev libvectorscan-dev libpcre2-dev libexttextcat-dev
    libsqlite3-dev libldap-dev libcurl4-openssl-dev libdb-dev doctest-dev libgmime-3.0-dev)

# What the demonstration runs: Python for the harness, ip for the namespaces, netbase for /etc/services, m4 for Debian's
# sendmail.mc, and the libraries of Sendmail itself, which are harmless without it.
demo_packages=(python3 iproute2 util-linux netbase m4 libdb5.3 libldap-2.5-0 liblockfile1 libnsl2 libsasl2-2 libwrap0)

# The tests make certificates with the openssl command, see by strace that nobody is connected to, make DKIM signatures with
# Python, count instructions with valgrind, and put the firewalls of sandwich-boxes(7) up in namespaces of their own with nft.
test_packages=(clang-format-14 clang-14 openssl strace python3-dkim valgrind nftables)

# For scripts/soak; libFuzzer and its sanitizers are in the second.
soak_packages=(clang-14 libclang-rt-14-dev)

# Sendmail as Debian packages it, with the delivery agent that its sendmail.cf names and one that does its work.
sendmail_packages=(sendmail-bin sendmail-base sendmail-cf sensible-mda procmail)

# What a Sendmail asks for passwords in the tests (SMTP AUTH), with the mechanisms PLAIN and LOGIN; unpacked privately, too.
sasl_packages=(libsasl2-modules sasl2-bin)

# The other mail server that the tests know; unpacked privately, too.
postfix_packages=(postfix)

# What scripts/bench compares with; unpacked privately. The second line has the libraries of the first that nothing else brings.
haproxy_packages=(liblua5.3-0 libopentracing1 libopentracing-c-wrapper0 haproxy)
clamsmtp_packages=(clamsmtp)
strace_packages=(libunwind8 strace)
amavis_packages=(libarchive-zip-perl libberkeleydb-perl libio-stringy-perl libconvert-binhex-perl perl-openssl-defaults libnet-ssleay-perl
    libio-socket-ssl-perl libnet-smtp-ssl-perl libtimedate-perl libmailtools-perl libmime-tools-perl libconvert-tnef-perl
    libcommon-sense-perl libconvert-uulib-perl libdigest-hmac-perl libnet-dns-perl libnet-libidn-perl libidn12 libio-multiplex-perl
    libsocket6-perl libio-socket-inet6-perl libnet-cidr-perl libnet-server-perl libunix-syslog-perl amavisd-new)

# The virus scanners that the network scanners are tested against: clamd, and an ICAP server that asks it. Unpacked
# privately, too; their libraries, but for the one here, are those of libclamav and Sendmail.
engine_packages=(clamav-daemon c-icap libicapapi5 libpcre3 libc-icap-mod-virus-scan)

# The servers that know mailboxes and passwords in the tests: an LDAP directory, and a server for POP3, IMAP and submission, with
# their libraries. Unpacked privately: installed, each would start on its well-known ports.
directory_packages=(libltdl7 libargon2-1 slapd libsodium23 libunwind8 libstemmer0d dovecot-core dovecot-imapd dovecot-pop3d
    dovecot-submissiond)

policy_file=/usr/sbin/policy-rc.d
policy_saved=/usr/sbin/policy-rc.d.sandwich-saved
policy_mark='# Put here by Sandwich while packages are installed.'

# Nothing starts by itself at install time. The file that was there, or its absence, comes back afterwards, also after a
# signal; a run that was killed outright is put right by the next one.
forbid_starts() {
    if [ -e "$policy_file" ] || [ -L "$policy_file" ]; then
        mv "$policy_file" "$policy_saved"
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" >"$policy_file"
    chmod 755 "$policy_file"
}

allow_starts() {
    if [ -f "$policy_file" ] && grep -qxF "$policy_mark" "$policy_file"; then
        rm -f "$policy_file"
    fi
    if [ -e "$policy_saved" ] || [ -L "$policy_saved" ]; then
        mv "$policy_saved" "$policy_file"
    fi
}

package_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_quiet() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# One apt-get update per run at most, and only when it is needed.
update_lists() {
    [ -n "${lists_updated:-}" ] && return
    say "apt-get update"
    apt_quiet update || warn "apt-get update failed; trying with the lists at hand"
    lists_updated=yes
}

list_missing() {
    local package
    for package in "$@"; do
        package_installed "$package" || printf '%s\n' "$package"
    done
}

# install_missing PACKAGE...: installs those that are not there yet. Refuses when apt would remove anything for it.
install_missing() {
    local missing plan lock
    if [ "$(id -u)" -ne 0 ]; then
        missing=$(list_missing "$@" | xargs)
        [ -z "$missing" ] || die "these packages are missing and only root can install them: $missing"
        return 0
    fi
    # One at a time, or the second would take the first one's policy-rc.d for the machine's own.
    mkdir -p /run/lock
    exec {lock}>/run/lock/sandwich-packages
    flock "$lock"
    allow_starts
    readarray -t missing < <(list_missing "$@")
    if [ ${#missing[@]} -gt 0 ]; then
        say "installing ${#missing[@]} packages: ${missing[*]}"
        plan=$(apt_quiet -s install --no-install-recommends "${missing[@]}" 2>&1) || {
            update_lists
            plan=$(apt_quiet -s install --no-install-recommends "${missing[@]}" 2>&1) || die "apt-get: $plan"
        }
        if grep -q '^Remv ' <<<"$plan"; then
            die "apt-get would remove packages for this, so nothing was done: $(awk '/^Remv/ { print $2 }' <<<"$plan" | xargs)"
        fi
        forbid_starts
        trap allow_starts EXIT
        trap 'exit 130' INT TERM HUP
        # Lists that are older than the mirror name files that are no longer there: then the second try.
        apt_install "${missing[@]}" || { update_lists && apt_install "${missing[@]}"; } || die "apt-get could not install: ${missing[*]}"
        allow_starts
        trap - EXIT INT TERM HUP
    fi
    exec {lock}>&-
}

apt_install() { apt_quiet install -y --no-install-recommends "$@"; }

# The mail server that this machine has installed, if any: the package that provides mail-transport-agent.
installed_mail_server() {
    dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
        awk '$1 == "installed" && / mail-transport-agent/ && $2 != "lsb-invalid-mta" { print $2; exit }'
}

fetch_sendmail() { fetch_packages "$1" "${sendmail_packages[@]}"; }
fetch_sasl() { fetch_packages "$1" "${sasl_packages[@]}"; }
fetch_haproxy() { fetch_packages "$1" "${haproxy_packages[@]}"; }
fetch_postfix() { fetch_packages "$1" "${postfix_packages[@]}"; }
fetch_engines() { fetch_packages "$1" "${engine_packages[@]}"; }
fetch_directories() { fetch_packages "$1" "${directory_packages[@]}"; }

# fetch_packages DIR PACKAGE...: the packages as files in DIR, from an earlier run or the mirror. All of one version: they
# come together or not at all.
fetch_packages() {
    local directory=$1 package fresh
    shift
    for package in "$@"; do
        compgen -G "$directory/${package}_*.deb" >/dev/null || break
        [ "$package" = "${!#}" ] && return
    done
    say "fetching packages (to unpack privately, not to install): $*"
    mkdir -p "$directory"
    fresh=$(mktemp -d "$directory/fetch.XXXXXX")
    if ! download_packages "$fresh" "$@" >/dev/null 2>&1; then
        update_lists
        download_packages "$fresh" "$@" || {
            rm -rf "$fresh"
            die "apt-get could not download: $*"
        }
    fi
    rm -f "$directory"/*.deb
    mv "$fresh"/*.deb "$directory"
    rmdir "$fresh"
}

# As root, apt-get would warn that its own user cannot write here: that says nothing to the reader.
download_packages() (cd "$1" && shift && apt_quiet download -o APT::Sandbox::User=root "$@")
