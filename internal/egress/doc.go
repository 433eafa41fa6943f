// Package egress says which addresses this server may call when its configuration names
// a host: public ones, and those that are named beside it. It trusts no name: what a
// name stands for is looked at when it is dialled, so that no answer of a name server
// leads to the services of the machine, its network or its cloud.
//
// It knows neither who is called nor why, and follows no redirect: it dials.
package egress
