// The control of regress/network_test.cpp: a program that opens a socket and connects nowhere.
#include <sys/socket.h>

int main() {
  return ::socket(AF_INET, SOCK_STREAM, 0) < 0;
}
