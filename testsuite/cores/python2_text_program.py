# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts as Python 2 programs have them, in a class, a dict and nested; dies.  usage: python2_text_program.py TRUTH"""
import json
import os
import sys


class Text(str):
    pass


class Session(object):
    def __init__(self, user):
        self.user = user
        self.label = 'label of %s' % user


class App(object):
    pass


APP = App()
APP.cache = {'user:7': Session('anna'), u'stra\xdfe': Session(u'\u20ac'), 'caf\xc3\xa9\x00': [Text('own str'), bytearray('raw')]}
LONG = 'long ' * 30 + 'end'
PASSWORD = {'password': 'hunter' + '2'}
with open(sys.argv[1], 'w') as f:
    json.dump({'app': '0x%x' % id(APP), 'seven': '0x%x' % id(APP.cache['user:7']), 'cache': '0x%x' % id(APP.cache),
               'own': '0x%x' % id(APP.cache['caf\xc3\xa9\x00'][0]), 'raw': '0x%x' % id(APP.cache['caf\xc3\xa9\x00'][1])}, f)
os.abort()
