// The softphone judges servers that make one mistake each, beside the stranger's that makes none: the same tests as in the
// everyday suite, because a judge that lets everybody go is none.
import "../softphone/faulty_servers_test.ts";
