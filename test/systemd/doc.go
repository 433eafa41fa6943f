// Package systemd proves deploy/systemd where no systemd runs.
//
//	cambio.service ─┬─▶ systemd-analyze: it is one, and exposes at most 2.0 of 10
//	                ├─▶ its command, with the configuration beside it, runs as written; only paths and ports are others
//	                └─▶ the system calls of that, by strace, are ones that its filter lets through
//	cambio.sysusers, cambio.tmpfiles ─▶ systemd's own programs read them
//
// It refuses to know how the product works. What only a running systemd can show,
// such as that the kernel enforces what the unit asks for, it does not show.
package systemd
