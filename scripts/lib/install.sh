# Sets the sandwich up on this machine, or takes it away. Sourced by scripts/run, never run.
# shellcheck shell=bash disable=SC2154
#
# Nothing here edits a file of the distribution, overwrites an edited file of the administrator, or starts a daemon unasked. With
# DESTDIR everything goes below that folder, and packages and services are left alone.

binary_dir=/usr/local/sbin
data_dir=/usr/local/share/sandwich
manual_dir=/usr/local/share/man
config_dir=/etc/sandwich
source_cf=/etc/mail/sendmail.cf
inbound_cf=/etc/mail/sandwich-in.cf
delivery_cf=/etc/mail/sandwich-deliv.cf
inbound_queue=/var/spool/mqueue
delivery_queue=/var/spool/mqueue-delivery
# Not /etc/systemd/system: there an administrator masks and changes them.
unit_dir=/usr/local/lib/systemd/system
unit_files=(sandwich.service sandwich-delivery.service sandwichd.service sandwich-inbound.service)
destination=${DESTDIR:-}

step() { printf '  %s\n' "$*"; }
uses_systemd() { [ -z "$destination" ] && [ -d /run/systemd/system ]; }

# -- before anything is changed -----------------------------------------------------------------------------------------------

# The sandwich is made of the Sendmail that is the machine's mail server.
require_sendmail() {
    [ -n "$destination" ] && return
    local present
    present=$(installed_mail_server)
    case $present in
        sendmail-bin) step "Sendmail is this machine's mail server" ;;
        '')
            say "no mail server is installed: installing Debian's Sendmail (it is not started)"
            install_missing "${sendmail_packages[@]}"
            ;;
        *) die "this machine's mail server is $present. The sandwich needs Sendmail in its place, and replacing a mail server is
your decision: nothing was changed. (apt-get install sendmail would remove $present.) To look at the sandwich without it:
$0" ;;
    esac
}

require_source_cf() {
    [ -s "$destination$source_cf" ] || die "$destination$source_cf is missing or empty; run sendmailconfig first"
}

# -- the steps ----------------------------------------------------------------------------------------------------------------

add_accounts() {
    local prefix=() account home
    [ -n "$destination" ] && prefix=(--prefix "$destination")
    if [ ! -f "$destination/etc/passwd" ]; then
        warn "$destination/etc/passwd is missing: no accounts made, and all is owned by root"
        return
    fi
    for account in sandwich sandwich-scan; do
        [ $account = sandwich ] && home=/var/lib/sandwich || home=/nonexistent
        if grep -q "^$account:" "$destination/etc/passwd"; then
            step "account $account is there"
        else
            useradd "${prefix[@]}" --system --user-group --no-create-home --home-dir "$home" --shell /usr/sbin/nologin "$account"
            step "account $account made"
        fi
    done
}

# numeric_owner ACCOUNT: uid:gid in the target's own files, which under DESTDIR are not this machine's.
numeric_owner() {
    awk -F: -v name="$1" '$1 == name { print $3 ":" $4; found = 1 } END { if (!found) print "0:0" }' "$destination/etc/passwd" 2>/dev/null
}

make_directory() { # PATH OWNER MODE
    if [ ! -d "$destination$1" ]; then
        install -d "$destination$1"
        step "directory $1"
    fi
    chown "$(numeric_owner "$2")" "$destination$1"
    chmod "$3" "$destination$1"
}

make_directories() {
    make_directory $config_dir root 0755
    make_directory /var/lib/sandwich sandwich 0750
    make_directory /var/lib/sandwich/quarantine sandwich 0750
    make_directory /var/lib/sandwich/journal sandwich 0750
    make_directory /var/lib/sandwich/why sandwich 0750
    make_directory /var/lib/sandwich/users sandwich 0700
    make_directory /var/spool/sandwich sandwich 0750
    # Sendmail insists on the same owner and mode as its own queue has.
    if [ -d "$destination$inbound_queue" ]; then
        [ -d "$destination$delivery_queue" ] || step "directory $delivery_queue, owner and mode as $inbound_queue"
        install -d "$destination$delivery_queue"
        chown --reference="$destination$inbound_queue" "$destination$delivery_queue"
        chmod --reference="$destination$inbound_queue" "$destination$delivery_queue"
    else
        warn "$inbound_queue is missing: $delivery_queue not made"
    fi
}

install_programs() { # BUILD
    local page section
    install -d "$destination$binary_dir" "$destination$data_dir/scripts"
    # install replaces the file instead of writing into it: a daemon that runs keeps its old one.
    install -m 755 "$1/proxy/sandwichd" "$1/proxy/sandwichctl" "$destination$binary_dir"
    cp -R "$sandwich_root/scripts/sandwich-cf" "$sandwich_root/scripts/cf" "$destination$data_dir/scripts"
    find "$destination$data_dir" -name __pycache__ -prune -exec rm -rf {} +
    ln -sfn "$data_dir/scripts/sandwich-cf" "$destination$binary_dir/sandwich-cf"
    step "programs: $binary_dir/sandwichd, sandwichctl, sandwich-cf"
    install -d "$destination$data_dir/systemd-isvw"
    cp -R "$sandwich_root/etc/systemd/isvw/." "$destination$data_dir/systemd-isvw"
    step "what units need to do as with InterScan VirusWall: $data_dir/systemd-isvw (see sandwich-cf(8) --isvw)"
    cp -R "$sandwich_root/etc/test-signatures" "$destination$data_dir"
    step "test signatures (EICAR and ClamAV's test file; used only with allow_test_signatures=yes): $data_dir/test-signatures"
    for page in "$sandwich_root"/etc/man/*.[1-8]; do
        [ -f "$page" ] || continue
        section=${page##*.}
        install -D -m 644 "$page" "$destination$manual_dir/man$section/${page##*/}"
        step "manual page ${page##*/}"
    done
}

# install_config SOURCE TARGET: never over a file that differs; the new one then lies beside it.
install_config() {
    local source=$1 target=$destination$2
    if [ ! -e "$target" ]; then
        install -D -m 644 "$source" "$target"
        step "configuration $2"
    elif cmp -s "$source" "$target"; then
        step "configuration $2 is up to date"
    else
        install -m 644 "$source" "$target.new"
        step "configuration $2 is yours and stays; the new sample is $2.new"
    fi
}

make_variants() {
    local file options=(--no-diff)
    [ -n "$destination" ] && options+=(--no-validate)
    for file in $inbound_cf $delivery_cf; do
        [ -e "$destination$file" ] && cp -p "$destination$file" "$destination$file.old"
    done
    step "both Sendmail configurations from $source_cf, which is not changed:"
    "$sandwich_root/scripts/sandwich-cf" "$destination$source_cf" --inbound "$destination$inbound_cf" \
        --delivery "$destination$delivery_cf" --queue "$delivery_queue" "${options[@]}" | sed 's/^/    /' ||
        die "sandwich-cf refused; its reason is above. The rest is installed, nothing was started"
}

install_services() {
    local unit
    if uses_systemd; then
        for unit in "${unit_files[@]}"; do
            install -D -m 644 "$sandwich_root/etc/systemd/$unit" "$unit_dir/$unit"
            # Where they were put before; it would count more. What is masked is a link.
            [ -L "/etc/systemd/system/$unit" ] || rm -f "/etc/systemd/system/$unit"
        done
        install -m 644 "$sandwich_root/etc/tmpfiles.d/sandwich.conf" /etc/tmpfiles.d/sandwich.conf
        systemd-tmpfiles --create sandwich.conf
        systemctl daemon-reload
        step "systemd units: ${unit_files[*]}"
    else
        install -D -m 755 "$sandwich_root/etc/init.d/sandwich" "$destination/etc/init.d/sandwich"
        install_config "$sandwich_root/etc/default/sandwich" /etc/default/sandwich
        step "init script /etc/init.d/sandwich"
        # Not yet at boot: until it takes over, Debian's own script starts Sendmail on port 25.
        [ -n "$destination" ] || update-rc.d sandwich defaults-disabled
    fi
}

# The directory that the configuration names, or the default.
signature_directory() {
    local named
    named=$(sed -n 's/^[[:space:]]*database[[:space:]]*=[[:space:]]*//p' "$destination$config_dir/sandwich.ini" | tail -n 1)
    echo "${named:-/var/lib/clamav}"
}

have_signatures() {
    grep -Eq '^[[:space:]]*allow_test_signatures[[:space:]]*=[[:space:]]*yes' "$destination$config_dir/sandwich.ini" && return
    compgen -G "$destination$(signature_directory)/*.[cC][vVlL]d" >/dev/null ||
        compgen -G "$destination$(signature_directory)/*.[hnlmf]db" >/dev/null
}

explain_signatures() {
    cat <<END
  There are no virus signatures in $(signature_directory) yet, and sandwichd does not start without. To get them, and to keep them fresh:
      apt-get install clamav-freshclam     (its service then runs freshclam by itself)
      freshclam                            (the first time, or to have them now: stop the service before)
END
}

# Takes port 25 over from Debian's own start script, which stays as it is but no longer runs.
start_services() {
    if uses_systemd; then
        systemctl disable --now sendmail.service 2>/dev/null || true
        local unit units=()
        for unit in "${unit_files[@]}"; do # but for those of another box
            [ "$(systemctl is-enabled "$unit" 2>/dev/null)" = masked ] || units+=("$unit")
        done
        systemctl enable "${units[@]}"
        systemctl restart "${units[@]:1}"
        systemctl --no-pager --lines 0 status "${units[@]:1}" || true
    else
        [ -x /etc/init.d/sendmail ] && /etc/init.d/sendmail stop && update-rc.d sendmail disable
        update-rc.d sandwich enable
        /etc/init.d/sandwich restart
        /etc/init.d/sandwich status
    fi
}

explain_start() {
    echo "Nothing was started. When you have looked at $config_dir/sandwich.ini and at the two Sendmail configurations:"
    if uses_systemd; then
        echo "    systemctl disable --now sendmail && systemctl enable --now ${unit_files[*]}"
    else
        echo "    /etc/init.d/sendmail stop && update-rc.d sendmail disable && update-rc.d sandwich enable && /etc/init.d/sandwich start"
    fi
    echo "or run this again with --start. Run it again, too, whenever $source_cf has changed."
}

install_sandwich() { # BUILD START
    local build=$1 start=$2
    [ -n "$destination" ] || need_root --install
    require_sendmail
    require_source_cf
    [ -n "$destination" ] || install_missing "${build_packages[@]}" python3
    build_sandwich "$build" || die "the build failed; its output is above. Nothing was installed"
    say "installing${destination:+ into $destination}"
    add_accounts
    make_directories
    install_programs "$build"
    install_config "$sandwich_root/etc/sandwich.ini" $config_dir/sandwich.ini
    install_config "$sandwich_root/etc/policy.ini" $config_dir/policy.ini
    make_variants
    install_services
    [ -n "$destination" ] && return
    "$binary_dir/sandwichd" -c "$config_dir/sandwich.ini" --check-config ||
        die "$config_dir/sandwich.ini has the errors above; nothing was started"
    if ! have_signatures; then
        explain_signatures
        [ "$start" = yes ] && die "not started: no signatures"
    fi
    if [ "$start" = yes ]; then
        say "starting"
        start_services
    else
        explain_start
    fi
}

uninstall_sandwich() {
    local unit running=no waiting
    [ -n "$destination" ] || need_root --uninstall
    waiting=$(find "$destination$delivery_queue" -name 'qf*' 2>/dev/null | wc -l)
    [ "$waiting" -eq 0 ] || die "$waiting messages wait in $delivery_queue, and after this nobody would deliver them. First:
    sendmail-mta -L sm-deliv -q -C$delivery_cf      and look with      mailq -C$delivery_cf"
    say "uninstalling"
    if [ -z "$destination" ]; then
        if uses_systemd; then
            systemctl is-active --quiet sandwich-inbound.service && running=yes
            systemctl disable --now "${unit_files[@]}" || true
        elif [ -x /etc/init.d/sandwich ]; then
            /etc/init.d/sandwich status inbound && running=yes
            /etc/init.d/sandwich stop
            update-rc.d -f sandwich remove
        fi
    fi
    for unit in "${unit_files[@]}"; do rm -f "$destination$unit_dir/$unit" "$destination/etc/systemd/system/$unit"; done
    rm -f "$destination/etc/systemd/system"/{sandwichd,sandwich-delivery}.service.d/isvw.conf
    rm -f "$destination/etc/tmpfiles.d/sandwich.conf" "$destination/etc/init.d/sandwich"
    uses_systemd && systemctl daemon-reload
    rm -f "$destination$binary_dir"/{sandwichd,sandwichctl,sandwich-cf} "$destination$inbound_cf" "$destination$delivery_cf"
    rm -rf "$destination${data_dir:?}"
    for page in "$sandwich_root"/etc/man/*.[1-8]; do
        rm -f "$destination$manual_dir/man${page##*.}/${page##*/}"
    done
    step "programs, manual pages, both Sendmail configurations and the services are gone"
    step "left as they are: $config_dir, /etc/default/sandwich, /var/lib/sandwich (quarantine, journal, explanations), $delivery_queue, the accounts"
    if [ "$running" = yes ]; then
        say "starting Debian's own Sendmail again, so that mail keeps coming in, from now on unscanned"
        if uses_systemd; then systemctl enable --now sendmail.service; else
            update-rc.d sendmail enable
            /etc/init.d/sendmail start
        fi
    fi
}
