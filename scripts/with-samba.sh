#!/bin/bash
# Runs a command beside an Active Directory of its own, Samba's, on a loopback address, and stops it again:
#
#     scripts/with-samba.sh cargo test -p roster-sync active_directory
#
# The command finds in ROSTER_TEST_SAMBA the folder of the directory: `ca.pem` is the authority of its certificate, which
# is for `dc1.corp.example`; KRB5_CONFIG and KRB5CCNAME have a ticket of `reader`. It is at ROSTER_TEST_SAMBA_ADDRESS, ports 389 and
# 636; the base is `dc=corp,dc=example`, `CORP\reader` has the password `Reader-1234`. Needs root, because these ports do.
# What it writes is in a temporary folder, and there is a lock file for its address.
set -euo pipefail

PATH="$PATH:/usr/sbin:/sbin"
((EUID == 0)) || { echo "an Active Directory for tests needs root" >&2; exit 2; }
command -v samba >/dev/null && [[ -d /usr/share/samba/setup ]] \
    || { echo "Samba is not installed: run scripts/install-test-deps.sh" >&2; exit 2; }

# Another one may be under way: take an address of one's own, and keep others away from it.
address=
for last in $(seq 77 99); do
    exec 9>"${TMPDIR:-/tmp}/roster-samba-$last.lock"
    if flock -n 9 && ! (exec 3<>"/dev/tcp/127.0.0.$last/389") 2>/dev/null; then
        address=127.0.0.$last
        break
    fi
done
[[ -n $address ]] || { echo "no loopback address is free for an Active Directory" >&2; exit 2; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/roster-samba.XXXXXX")
server=
added=
stop() {
    if [[ -n $server ]]; then
        # Its children are in its process group.
        kill -TERM -- "-$server" 2>/dev/null || true
        for _ in $(seq 50); do
            kill -0 -- "-$server" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$server" 2>/dev/null || true
    fi
    [[ -z $added ]] || ip addr del "$address/8" dev lo 2>/dev/null || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if command -v ip >/dev/null && ip addr add "$address/8" dev lo 2>/dev/null; then
    added=1
fi

: >"$dir/none.conf"
samba-tool domain provision --configfile="$dir/none.conf" --targetdir="$dir/samba" --realm=CORP.EXAMPLE --domain=CORP \
    --adminpass='Admin-1234' --server-role=dc --dns-backend=NONE --host-name=dc1 --host-ip="$address" \
    --option='vfs objects=dfs_samba4 acl_xattr xattr_tdb' >"$dir/provision.log" 2>&1 </dev/null \
    || { cat "$dir/provision.log" >&2; exit 2; }

# An authority, and a certificate of the server by its name in the domain.
printf '[req]\ndistinguished_name = dn\n[dn]\n[ca]\nbasicConstraints = critical, CA:TRUE\n' >"$dir/openssl.cnf"
{
    openssl req -x509 -newkey rsa:2048 -nodes -config "$dir/openssl.cnf" -extensions ca -days 2 -subj /CN=ca \
        -keyout "$dir/ca.key" -out "$dir/ca.pem" \
        && openssl req -newkey rsa:2048 -nodes -config "$dir/openssl.cnf" -subj /CN=dc1.corp.example \
            -keyout "$dir/server.key" -out "$dir/server.csr" \
        && openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 2 -sha384 \
            -extfile <(echo "subjectAltName = DNS:dc1.corp.example, DNS:localhost, IP:$address") -out "$dir/server.pem"
} >"$dir/tls.log" 2>&1 </dev/null || { cat "$dir/tls.log" >&2; exit 2; }
chmod 600 "$dir/server.key"

conf=$dir/samba/etc/smb.conf
sed -i '/server services/d' "$conf"
sed -i "/^\[global\]/a\\
\tinterfaces = $address/8\\
\tbind interfaces only = yes\\
\tserver services = ldap, cldap, kdc, rpc\\
\tpid directory = $dir/samba\\
\tncalrpc dir = $dir/samba/ncalrpc\\
\twinbindd socket directory = $dir/samba/winbindd\\
\tlog file = $dir/samba/log\\
\tldap server require strong auth = allow_sasl_over_tls\\
\ttls enabled = yes\\
\ttls keyfile = $dir/server.key\\
\ttls certfile = $dir/server.pem\\
\ttls cafile = $dir/ca.pem" "$conf"

# The people: one transaction, because each of its own takes a moment. `Many` has more members than Active Directory tells
# in one answer (1500).
# The Python that Samba's modules are for.
python=$(sed -n '1s/^#! *//p' "$(command -v samba-tool)")
$python - "$conf" "$dir/samba/private/sam.ldb" >"$dir/people.log" 2>&1 <<'EOT' || { cat "$dir/people.log" >&2; exit 2; }
import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

settings = LoadParm()
settings.load(sys.argv[1])
db = SamDB(url=sys.argv[2], session_info=system_session(), lp=settings)
people = "CN=Users,DC=corp,DC=example"
db.transaction_start()
for name, given, sn in (("reader", None, None), ("ada", "Ada", "Okafor"), ("ben", "Ben", "Ito"), ("cai", "Cai", "Novak"),
                        ("off", "Off", "Line")):
    mail = f"{name}@corp.example" if given else None
    db.newuser(name, f"{name.title()}-1234", useusernameascn=True, givenname=given, surname=sn, mailaddress=mail)
for n in range(1510):
    db.add({"dn": f"CN=m{n},{people}", "objectClass": "user", "sAMAccountName": f"m{n}", "userAccountControl": "544",
            "givenName": "M", "sn": str(n), "mail": f"m{n}@corp.example"})
def group(cn, account, members):
    db.add_ldif(f"dn: CN={cn},{people}\nobjectClass: group\nsAMAccountName: {account}\n"
                + "".join(f"member: CN={m},{people}\n" for m in members))
group("Painters", "Painters", ["ada", "off"])
group("Apprentices", "Apprentices", ["ben", "Painters"])
group("Paint\\, Wool (old)", "wool", ["cai"])
group("Many", "Many", [f"m{n}" for n in range(1510)])
db.modify_ldif(f"dn: CN=Painters,{people}\nchangetype: modify\nadd: member\nmember: CN=Apprentices,{people}\n")
# A service that is not run here would do this.
db.modify_ldif("dn: CN=DC1,OU=Domain Controllers,DC=corp,DC=example\nchangetype: modify\n"
               "add: servicePrincipalName\nservicePrincipalName: ldap/dc1.corp.example\n")
db.transaction_commit()
db.disable_account("(sAMAccountName=off)")
EOT

samba-tool domain exportkeytab --configfile="$conf" --principal=reader "$dir/reader.keytab" >"$dir/keytab.log" 2>&1 \
    || { cat "$dir/keytab.log" >&2; exit 2; }

setsid samba -i -s "$conf" >"$dir/samba.log" 2>&1 </dev/null 9>&- &
server=$!
for _ in $(seq 300); do
    if (exec 3<>"/dev/tcp/$address/636") 2>/dev/null && (exec 3<>"/dev/tcp/$address/88") 2>/dev/null; then
        ready=1
        break
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
[[ -n ${ready:-} ]] || { cat "$dir/samba.log" >&2; exit 2; }

cat >"$dir/krb5.conf" <<EOT
[libdefaults]
default_realm = CORP.EXAMPLE
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
CORP.EXAMPLE = {
    kdc = $address
}
EOT
if command -v kinit >/dev/null; then
    KRB5_CONFIG=$dir/krb5.conf KRB5CCNAME=FILE:$dir/reader.ccache kinit reader <<<'Reader-1234' >"$dir/kinit.log" 2>&1 \
        || cat "$dir/kinit.log" >&2
fi

export ROSTER_TEST_SAMBA=$dir ROSTER_TEST_SAMBA_ADDRESS=$address
export KRB5_CONFIG=$dir/krb5.conf KRB5CCNAME=FILE:$dir/reader.ccache
status=0
"$@" 9>&- || status=$?
exit "$status"
