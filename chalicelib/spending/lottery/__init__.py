"""Lottery (抽奖): campaigns with published odds, draws that are paid with points or chances, and their audit."""
