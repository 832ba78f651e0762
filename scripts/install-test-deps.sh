#!/bin/bash
# Brings what the tests need and this machine lacks: PostgreSQL's and OpenLDAP's servers, Samba's, Python with venv, curl,
# openssl, a C compiler, strace, GNOME's keyring with a session bus; and, below target/, a Python environment with the public
# UMAPI clients. Does nothing when all is there. For Debian and its relatives; elsewhere it names what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

{ have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; } || missing+=(postgresql)
have slapd || missing+=(slapd)
have ldapadd || missing+=(ldap-utils)
# Samba's Active Directory is for root only, so it is installed for root only.
if ((EUID == 0)); then
    { have samba && have samba-tool && [[ -d /usr/share/samba/setup ]]; } \
        || missing+=(samba samba-ad-provision samba-dsdb-modules samba-vfs-modules)
    have kinit || missing+=(krb5-user)
    have krb5-config || missing+=(libkrb5-dev)
    # Not `libclang-cpp.so`, which LLVM brings without it.
    compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null \
        || compgen -G '/usr/lib/llvm-*/lib/libclang-[0-9]*.so*' >/dev/null || missing+=(libclang-dev)
    have ip || missing+=(iproute2)
fi
{ have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; } || missing+=(python3 python3-venv)
have curl || missing+=(curl)
have openssl || missing+=(openssl)
have cc || missing+=(gcc libc6-dev)
have runuser || missing+=(util-linux)
have strace || missing+=(strace)
have dbus-run-session || missing+=(dbus)
have gnome-keyring-daemon || missing+=(gnome-keyring)
have secret-tool || missing+=(libsecret-tools)

if ((${#missing[@]})); then
    if ! have apt-get; then
        echo "missing: ${missing[*]}; install them with this system's package manager" >&2
        exit 2
    fi
    echo "installing: ${missing[*]}"
    as_root=()
    if ((EUID != 0)); then
        have sudo || { echo "installing ${missing[*]} needs root, or sudo" >&2; exit 2; }
        as_root=(sudo)
    fi
    # RUNLEVEL=1: the packages' own services are not started; the tests start private ones.
    apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }
    apt update
    apt install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

venv=target/judges-venv
wanted=tests/judges/requirements.txt
if ! cmp -s "$wanted" "$venv/installed.txt"; then
    rm -rf "$venv"
    mkdir -p target
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" </dev/null
    cp "$wanted" "$venv/installed.txt"
fi
