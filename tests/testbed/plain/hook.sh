#!/bin/sh
# What the maintainer scripts of the packages, which are not run, and the RUN lines of such images do to the tree $1;
# without what only takes time to copy; and puts it into $1.tar.
set -e
cd "$1"
rm -rf var/cache/apt var/lib/apt usr/share/doc usr/share/man usr/share/locale usr/share/i18n usr/share/perl \
    usr/lib/x86_64-linux-gnu/perl usr/lib/*/libLLVM* usr/lib/postgresql/15/lib/bitcode \
    usr/lib/postgresql/15/lib/llvmjit*.so etc/nginx/modules-enabled

cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
cat >>etc/passwd <<END
nginx:x:101:101:nginx:/nonexistent:/bin/false
postgres:x:998:998:PostgreSQL:/var/lib/postgresql:/bin/bash
redis:x:999:1000::/home/redis:/bin/sh
END
cat >>etc/group <<END
nginx:x:101:
postgres:x:998:
redis:x:1000:
END

rm -rf var/run
ln -s /run var/run
install -d -o 999 -g 1000 data
install -d -o 998 -g 998 var/lib/postgresql
install -d -o 998 -g 998 -m 1777 var/lib/postgresql/data
install -d -o 998 -g 998 -m 3777 run/postgresql
install -d var/cache/nginx var/log/nginx
ln -sf /dev/stdout var/log/nginx/access.log
ln -sf /dev/stderr var/log/nginx/error.log
tar -cf "$1.tar" .
