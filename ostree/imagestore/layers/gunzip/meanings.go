package gunzip

// literalMeanings are what the symbols of literals and lengths stand for.
var literalMeanings = func() (meanings [maxSymbols]entry) {
	for i := range meanings {
		switch {
		case i < endOfBlock:
			meanings[i] = literal | entry(i)<<16
		case i == endOfBlock:
			meanings[i] = rare | end
		case i < 265:
			meanings[i] = number(i-254, 0)
		case i < 285:
			extra := uint(i-261) / 4
			meanings[i] = number(3+(4+(i-261)%4)<<extra, extra)
		case i == 285:
			meanings[i] = number(258, 0)
		default:
			meanings[i] = rare
		}
	}
	return meanings
}()

// distanceMeanings are what the symbols of distances stand for.
var distanceMeanings = func() (meanings [32]entry) {
	for i := range meanings {
		switch {
		case i < 4:
			meanings[i] = number(i+1, 0)
		case i < maxDistances:
			extra := uint(i-2) / 2
			meanings[i] = number(1+(2+i%2)<<extra, extra)
		default:
			meanings[i] = rare
		}
	}
	return meanings
}()

// lengthMeanings are what the symbols of the lengths of codes stand for.
var lengthMeanings = func() (meanings [len(lengthOrder)]entry) {
	for i := range meanings {
		meanings[i] = number(i, 0)
	}
	return meanings
}()
