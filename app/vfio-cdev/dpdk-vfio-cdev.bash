# SPDX-License-Identifier: BSD-3-Clause
# bash completion for dpdk-vfio-cdev(1); needs nothing but bash, not even /dev/fd.
# shellcheck disable=SC2207

# The word being completed, and those before it. Unlike COMP_WORDS they are not
# parted at the colons of an address.
_dpdk_vfio_cdev_words() {
	local line=${COMP_LINE:0:COMP_POINT}

	cur=${line##*[[:blank:]]}
	read -ra words <<<"${line%"$cur"}"
}

# _dpdk_vfio_cdev_offer WORD...: those that begin like cur, from its last colon on, since
# that is where bash puts them.
_dpdk_vfio_cdev_offer() {
	local begun=${cur%"${cur##*:}"} i

	COMPREPLY=($(compgen -W "$*" -- "$cur"))
	[[ $COMP_WORDBREAKS == *:* ]] || return
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$begun"}
	done
}

_dpdk_vfio_cdev_devices() {
	local device

	for device in /sys/bus/pci/devices/*; do
		[ ! -e "$device" ] || printf '%s ' "${device##*/}"
	done
}

# What follows run: its options, then a program, then files.
_dpdk_vfio_cdev_run() {
	local word i

	for ((i = 2; i < ${#words[@]}; i++)); do
		word=${words[i]}
		case $word in --app-plugin | --front | --library) i=$((i + 1)); continue ;; esac
		[[ $word != -- || $((i + 1)) -eq ${#words[@]} ]] || { compopt -o default; return; }
		[[ $word == -* ]] || { compopt -o default; return; }
	done
	case ${words[-1]} in
	--app-plugin | --library) compopt -o default; return ;;
	--front) _dpdk_vfio_cdev_offer auto eal libc; return ;;
	esac
	if [[ $cur == -* && ${words[-1]} != -- ]]; then
		_dpdk_vfio_cdev_offer --app-plugin --check --front --help --library --require \
			--version --
	else
		COMPREPLY=($(compgen -c -- "$cur" | sort -u))
	fi
}

_dpdk_vfio_cdev() {
	local cur words

	COMPREPLY=()
	_dpdk_vfio_cdev_words
	case ${words[1]-} in
	'') _dpdk_vfio_cdev_offer list doctor run cdi udev --help --version ;;
	list) _dpdk_vfio_cdev_offer --all --json --help --version ;;
	doctor)
		if [ "${words[-1]}" = --app ]; then
			COMPREPLY=($(compgen -c -- "$cur" | sort -u))
		elif [ "${words[-1]}" = --app-plugin ]; then
			compopt -o default
		elif [[ $cur == -* ]]; then
			_dpdk_vfio_cdev_offer --app --app-plugin --json --help --version
		else
			_dpdk_vfio_cdev_offer "$(_dpdk_vfio_cdev_devices)"
		fi
		;;
	run) _dpdk_vfio_cdev_run ;;
	cdi)
		if [ "${words[-1]}" = --library ]; then
			compopt -o default
		elif [[ $cur == -* ]]; then
			_dpdk_vfio_cdev_offer --library --no-hugepages --help --version
		else
			_dpdk_vfio_cdev_offer "$(_dpdk_vfio_cdev_devices)"
		fi
		;;
	udev)
		if [ "${words[-1]}" = --group ]; then
			COMPREPLY=($(compgen -g -- "$cur"))
		else
			_dpdk_vfio_cdev_offer --group --help --version
		fi
		;;
	esac
}

complete -F _dpdk_vfio_cdev dpdk-vfio-cdev
